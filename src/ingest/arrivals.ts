import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { mergeSchemas, readItem, type ReadProblem, type SourceItem } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import type { IngestPlan } from './plan.ts'

/** An item that was read and whose part is stored. */
export interface Arrival {
  file: SourceItem
  columns: Column[]
  blob: StoredBlob
  localPath: string
}

export interface FileProblem extends ReadProblem {
  file: SourceItem
}

/** Reads each arriving item once and stores its part. A file that changes meanwhile refuses the whole ingest. */
export async function readArrivals(
  { artifacts, analytics }: Pick<Context, 'artifacts' | 'analytics'>,
  { dataset: { definition }, protection, arriving: items }: IngestPlan,
  columns: readonly Column[],
): Promise<{ arrivals: Arrival[]; problems: FileProblem[] }> {
  if (items.length === 0) return { arrivals: [], problems: [] }
  const arrivals: Arrival[] = []
  const problems: FileProblem[] = []
  let known = columns
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-ingest-'))
  try {
    // One thread: the bytes of a part must depend on the file alone.
    await using session = await analytics.session({ threads: 1 })
    await protection.prepare(session)
    for (const [index, file] of items.entries()) {
      const target = join(folder, `${index}.parquet`)
      const { time } = definition
      const read = await readItem(session, file, { known, time, treatments: protection, folder, target })
      if (!Array.isArray(read)) {
        problems.push({ ...read, file })
        continue
      }
      const blob = await artifacts.putFile(target)
      arrivals.push({ file, columns: read, blob, localPath: await artifacts.localPath(blob.sha256) })
      known = mergeSchemas([known, read])
      await rm(target)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return { arrivals, problems }
}
