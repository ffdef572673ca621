import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { mergeSchemas } from '../sources/sources.ts'
import { decompress } from '../sources/sources.ts'
import { normalise } from '../sources/sources.ts'
import { readingOf, requireUnchanged, type SourceFile } from '../sources/sources.ts'
import type { ReadProblem } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import type { IngestPlan } from './plan.ts'

/** A file that was read and whose part is stored. */
export interface Arrival {
  file: SourceFile
  columns: Column[]
  blob: StoredBlob
  localPath: string
}

export interface FileProblem extends ReadProblem {
  file: SourceFile
}

/** Reads each arriving file once and stores its part. A file that changes meanwhile refuses the whole ingest. */
export async function readArrivals(
  { artifacts, analytics }: Pick<Context, 'artifacts' | 'analytics'>,
  { dataset: { definition }, protection, arriving: files }: IngestPlan,
  columns: readonly Column[],
): Promise<{ arrivals: Arrival[]; problems: FileProblem[] }> {
  if (files.length === 0) return { arrivals: [], problems: [] }
  const arrivals: Arrival[] = []
  const problems: FileProblem[] = []
  let known = columns
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-ingest-'))
  try {
    // One thread: the bytes of a part must depend on the file alone.
    await using session = await analytics.session({ threads: 1 })
    await protection.prepare(session)
    for (const [index, file] of files.entries()) {
      const target = join(folder, `${index}.parquet`)
      const { compression, ...reading } = readingOf(definition.source, file.path)
      const plain = compression === 'none' ? file.absolutePath : join(folder, `${index}.plain`)
      const damaged =
        compression === 'none' ? undefined : await decompress(file.absolutePath, compression, plain)
      const read =
        damaged ??
        (await normalise(session, {
          path: plain,
          ...reading,
          known,
          time: definition.time,
          treatments: protection,
          target,
        }))
      await requireUnchanged(file.absolutePath, file.path, file.stats)
      if (!Array.isArray(read)) {
        problems.push({ ...read, file })
        continue
      }
      const blob = await artifacts.putFile(target)
      arrivals.push({ file, columns: read, blob, localPath: await artifacts.localPath(blob.sha256) })
      known = mergeSchemas([known, read])
      await rm(target)
      if (compression !== 'none') await rm(plain)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return { arrivals, problems }
}
