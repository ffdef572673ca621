import { AppError } from '../kernel/errors.ts'
import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { PushSource, SourceDefinition } from './definition.ts'
import { probeCommand } from './command.ts'
import { probeFiles } from './files.ts'
import { probeHttp } from './http.ts'
import type { KnownItem, SourceItem } from './item.ts'
import { probeS3 } from './s3.ts'
import type { Column } from './schema.ts'
import { probeSql } from './sql.ts'
import type { Treatments } from './treatment.ts'

/** What an adapter is told. */
export interface ProbeInput {
  /** Relative paths start here. */
  directory: string
  /** For what is fetched; it is there until the items are read. */
  folder: string
  /** What the last probe saw. */
  known: readonly KnownItem[]
  /** Where the source stood after the last version. */
  cursor: string | null
  /** Local files of the parts that an increment comes on top of. */
  history: () => Promise<string[]>
  /** The columns that the dataset has. */
  columns: readonly Column[]
  treatments: Treatments
  /** A session of one thread that knows what the treatments need. */
  openSession(): Promise<AnalyticsSession>
  /** Whether private, loopback and link-local addresses may be called. */
  allowPrivate: boolean
  signal: AbortSignal
}

export interface Probed {
  items: SourceItem[]
  /** Where the source stands after them; null for a source that is looked at as a whole. */
  cursor: string | null
  /** True when the items come on top of what the dataset has, false when they are all there is. */
  isIncrement: boolean
  /** There is more to be had at once: what was not fetched this time is as it was before. */
  more?: boolean
}

/** Looks at a source. What was not seen before is fetched and hashed; nothing is stored. Throws `unavailable` when the source is away. */
export async function probeSource(
  source: Exclude<SourceDefinition, PushSource>,
  input: ProbeInput,
): Promise<Probed> {
  switch (source.type) {
    case 'files':
      return whole(
        await probeFiles(source, input.directory, input.known),
        input,
        `no file matches ${source.glob} any more`,
      )
    case 'http':
      return whole([await probeHttp(source, input)], input, '')
    case 'command':
      return await probeCommand(source, input)
    case 'sql':
      return await probeSql(source, input)
    case 's3': {
      const { items, more } = await probeS3(source, input)
      const gone = `no object lies under s3://${source.bucket}/${source.prefix} any more`
      return { ...whole(items, input, gone), more }
    }
  }
}

/** A source that is empty all at once is more likely away than emptied. */
function whole(items: SourceItem[], { known }: ProbeInput, gone: string): Probed {
  if (items.length === 0 && known.length > 0) throw new AppError('unavailable', gone)
  return { items, cursor: null, isIncrement: false }
}
