import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { QueryResult } from '../ports/analytics/read-only.ts'
import type { DatasetVersion } from '../data/schema.ts'
import type { Reach } from './reach.ts'
import { versionScan } from '../data/data.ts'

/**
 * Rows chosen uniformly (reservoir sampling), in the order of the version. Equal versions, counts and seeds give equal rows; memory depends on `rows`
 * alone. Times are text, as DuckDB writes them.
 */
export async function sampleRows(
  reach: Pick<Reach, 'artifacts' | 'analytics'>,
  version: DatasetVersion,
  { rows, seed }: { rows: number; seed: number },
): Promise<QueryResult> {
  const columns = version.schema.map(({ name }) => name)
  const shown = version.schema.map(({ name, type }) => {
    const column = quoteIdentifier(name)
    const isPlain = type === 'BIGINT' || type === 'DOUBLE' || type === 'BOOLEAN'
    return isPlain ? column : `CAST(${column} AS VARCHAR) AS ${column}`
  })
  await using session = await reach.analytics.session({ threads: 1 })
  const sampled = await session.query(
    `SELECT ${shown.join(', ')} FROM (SELECT * FROM (SELECT *, row_number() OVER () AS __place FROM (${await versionScan(reach, version)}))
       USING SAMPLE reservoir(${rows} ROWS) REPEATABLE (${seed})) ORDER BY __place`,
  )
  return { columns, rows: sampled, more: version.rows > sampled.length }
}
