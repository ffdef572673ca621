import { AppError } from '../kernel/errors.ts'
import type { PushSource, SourceDefinition } from './definition.ts'
import { probeFiles } from './files.ts'
import type { KnownItem, SourceItem } from './item.ts'

/** What an adapter is told. */
export interface ProbeInput {
  /** Relative paths start here. */
  directory: string
  /** What the last probe saw. */
  known: readonly KnownItem[]
}

export interface Probed {
  items: SourceItem[]
  /** Where the source stands after them; null for a source that is looked at as a whole. */
  cursor: string | null
  /** True when the items come on top of what the dataset has, false when they are all there is. */
  isIncrement: boolean
}

/** Looks at a source. What was not seen before is hashed; nothing is stored. Throws `unavailable` when the source is away. */
export async function probeSource(
  source: Exclude<SourceDefinition, PushSource>,
  { directory, known }: ProbeInput,
): Promise<Probed> {
  const items = await probeFiles(source, directory, known)
  if (items.length === 0 && known.length > 0)
    throw new AppError('unavailable', `no file matches ${source.glob} any more`)
  return { items, cursor: null, isIncrement: false }
}
