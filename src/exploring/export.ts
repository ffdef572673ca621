import { createReadStream } from 'node:fs'
import { mkdtemp, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import { parquetFormat, quoteLiteral } from '../ports/analytics/analytics.ts'
import { versionScan } from '../data/data.ts'
import type { DatasetVersion } from '../data/schema.ts'
import type { Reach } from './reach.ts'
import type { ExportFormat } from './schema.ts'

type Rows = Pick<Reach, 'artifacts' | 'analytics'>

/** What DuckDB writes by itself. */
const OPTIONS = {
  parquet: parquetFormat,
  csv: 'FORMAT csv, HEADER',
  ndjson: 'FORMAT json',
} as const

/**
 * Writes a version's rows as one file, in the order of its parts: written beside the target, synced and renamed, so that the target is whole or as
 * it was. Equal versions give equal bytes. Throws `already_exists` unless `force`.
 */
export async function exportVersion(
  reach: Rows,
  version: DatasetVersion,
  { format, path, force }: { format: ExportFormat; path: string; force: boolean },
): Promise<{ sizeBytes: number }> {
  const exists = await stat(path).catch(() => undefined)
  if (exists?.isDirectory()) throw new AppError('invalid', `${path} is a folder: name the file`)
  if (exists && !force) throw new AppError('already_exists', `${path} is there already; --force replaces it`)
  const temporary = `${path}.${randomIds.hex32()}.tmp`
  try {
    await writeRows(reach, version, format, temporary)
    const file = await open(temporary, 'r+')
    await file.sync().finally(() => file.close())
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  return { sizeBytes: (await stat(path)).size }
}

/** The bytes of such a file, for who takes them at once. Arrow is made as it is read; the others are whole before, in a file that goes with the reader. */
export async function openExport(
  reach: Rows,
  version: DatasetVersion,
  format: ExportFormat,
): Promise<Readable> {
  if (isArrow(format)) return Readable.from(arrowRows(reach, version, format), { objectMode: false })
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-export-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const path = join(folder, 'rows')
    await writeRows(reach, version, format, path)
    return createReadStream(path).once('close', remove)
  } catch (error) {
    await remove()
    throw error
  }
}

async function writeRows(
  reach: Rows,
  version: DatasetVersion,
  format: ExportFormat,
  path: string,
): Promise<void> {
  if (isArrow(format)) return await writeFile(path, arrowRows(reach, version, format))
  await using session = await reach.analytics.session({ threads: 1 })
  const scan = await versionScan(reach, version)
  await session.execute(`COPY (${scan}) TO ${quoteLiteral(path)} (${OPTIONS[format]})`)
}

type ArrowFormat = Extract<ExportFormat, 'arrow' | 'arrows'>

function isArrow(format: ExportFormat): format is ArrowFormat {
  return format === 'arrow' || format === 'arrows'
}

/** The library is loaded with the first such export. */
async function* arrowRows(
  reach: Rows,
  version: DatasetVersion,
  format: ArrowFormat,
): AsyncGenerator<Uint8Array> {
  const { arrowBytes } = await import('./arrow-bytes.ts')
  await using session = await reach.analytics.session({ threads: 1 })
  const scan = await versionScan(reach, version)
  yield* arrowBytes(session, scan, { columns: version.schema, isFile: format === 'arrow' })
}
