import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import { decompress } from './decompress.ts'
import type { SourceItem } from './item.ts'
import { normalise } from './parts.ts'
import type { ReadFile, ReadProblem } from './reading.ts'
import type { Column } from './schema.ts'

/**
 * Writes an item as a part to `target`: opened, decompressed, read, and then held against what it was at the probe. `folder` is for
 * what is needed in between.
 */
export async function readItem(
  session: AnalyticsSession,
  item: SourceItem,
  input: Pick<ReadFile, 'known' | 'time' | 'treatments' | 'target'> & { folder: string },
): Promise<Column[] | ReadProblem> {
  const { folder, treatments, ...rest } = input
  const file = { ...rest, treatments: item.isTreated ? { columns: new Map() } : treatments }
  const { compression, ...reading } = item.reading
  const read = await item.use(async (path) => {
    if (compression === 'none') return await normalise(session, { path, ...reading, ...file })
    const plain = join(folder, 'plain')
    const damaged = await decompress(path, compression, plain)
    const result = damaged ?? (await normalise(session, { path: plain, ...reading, ...file }))
    await rm(plain, { force: true })
    return result
  })
  await item.requireUnchanged()
  return read
}
