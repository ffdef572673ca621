import { open, rename, rm, stat } from 'node:fs/promises'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import type { DatasetVersion } from '../data/schema.ts'
import type { ExportFormat } from './schema.ts'
import type { Reach } from './reach.ts'
import { versionScan } from '../data/data.ts'

const OPTIONS: Readonly<Record<ExportFormat, string>> = {
  parquet: 'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880',
  csv: 'FORMAT csv, HEADER',
  ndjson: 'FORMAT json',
}

/**
 * Writes a version's rows as one file, in the order of its parts: written beside the target, synced and renamed, so that the target is whole or as
 * it was. Equal versions give equal bytes. Throws `already_exists` unless `force`.
 */
export async function exportVersion(
  reach: Pick<Reach, 'artifacts' | 'analytics'>,
  version: DatasetVersion,
  { format, path, force }: { format: ExportFormat; path: string; force: boolean },
): Promise<{ sizeBytes: number }> {
  const exists = await stat(path).catch(() => undefined)
  if (exists?.isDirectory()) throw new AppError('invalid', `${path} is a folder: name the file`)
  if (exists && !force) throw new AppError('already_exists', `${path} is there already; --force replaces it`)
  const temporary = `${path}.${randomIds.hex32()}.tmp`
  await using session = await reach.analytics.session({ threads: 1 })
  try {
    await session.execute(
      `COPY (${await versionScan(reach, version)}) TO ${quoteLiteral(temporary)} (${OPTIONS[format]})`,
    )
    const file = await open(temporary, 'r+')
    await file.sync().finally(() => file.close())
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  return { sizeBytes: (await stat(path)).size }
}
