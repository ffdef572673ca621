import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import { parquetFormat, quoteIdentifier, quoteLiteral } from '../ports/analytics/analytics.ts'
import type { KeyRows } from '../privacy/schema.ts'

type PartContext = Pick<Context, 'artifacts' | 'analytics'>

export interface RewrittenPart {
  before: string
  sha256: string
  sizeBytes: number
  rows: number
  removedRows: number
  minTimeMs: number | null
  maxTimeMs: number | null
}

const FILES = 100

/** How many rows of a person each part has; parts without are left out, as are blobs that are gone. */
export async function countKeyRows(
  { artifacts, analytics }: PartContext,
  hashes: readonly string[],
  key: KeyRows,
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  await using session = await analytics.session({ threads: 1 })
  for (let start = 0; start < hashes.length; start += FILES) {
    const paths = new Map<string, string>()
    for (const sha256 of hashes.slice(start, start + FILES))
      if (await artifacts.has(sha256)) paths.set(await artifacts.localPath(sha256), sha256)
    for (const [path, sha256] of paths) {
      // Files of one dataset may differ in their columns.
      const described = await session.query(`DESCRIBE SELECT * FROM read_parquet(${quoteLiteral(path)})`)
      if (!described.some((row) => row['column_name'] === key.column)) continue
      const [row] = await session.query(
        `SELECT count(*) AS n FROM read_parquet(${quoteLiteral(path)}) WHERE ${isOfPerson(key)}`,
      )
      if (Number(row!['n']) > 0) found.set(sha256, Number(row!['n']))
    }
  }
  return found
}

/** Stores the part without the person's rows; the same part gives the same bytes. */
export async function withoutKeyRows(
  { artifacts, analytics }: PartContext,
  before: string,
  { time, ...key }: KeyRows & { time: string | null },
): Promise<RewrittenPart> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-erase-'))
  try {
    const target = join(folder, 'part.parquet')
    await using session = await analytics.session({ threads: 1 })
    const source = `read_parquet(${quoteLiteral(await artifacts.localPath(before))})`
    const [removed] = await session.query(`SELECT count(*) AS n FROM ${source} WHERE ${isOfPerson(key)}`)
    await session.execute(
      `COPY (SELECT * FROM ${source} WHERE NOT coalesce(${isOfPerson(key)}, false)) TO ${quoteLiteral(target)} (${parquetFormat})`,
    )
    const times =
      time === null
        ? 'NULL AS low, NULL AS high'
        : `epoch_ms(min(${quoteIdentifier(time)})) AS low, epoch_ms(max(${quoteIdentifier(time)})) AS high`
    const [row] = await session.query(
      `SELECT count(*) AS n, ${times} FROM read_parquet(${quoteLiteral(target)})`,
    )
    return {
      before,
      ...(await artifacts.putFile(target)),
      rows: Number(row!['n']),
      removedRows: Number(removed!['n']),
      minTimeMs: row!['low'] as number | null,
      maxTimeMs: row!['high'] as number | null,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function isOfPerson({ column, values }: KeyRows): string {
  return `CAST(${quoteIdentifier(column)} AS VARCHAR) IN (${values.map(quoteLiteral).join(', ')})`
}
