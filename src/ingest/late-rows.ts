import { parquetScan, quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { Arrival } from './arrivals.ts'
import type { IngestContext, IngestPlan } from './plan.ts'

/**
 * Rows that came late: of items that are new at the source, those older than the newest row of the version before. A file that
 * replaces one brings no late rows: its path was there.
 */
export async function countLateRows(
  { analytics }: Pick<IngestContext, 'analytics'>,
  { dataset, parent, parentManifest }: IngestPlan,
  arrivals: readonly Arrival[],
  facts: readonly { path: string; minTimeMs: number | null }[],
): Promise<number> {
  const { time } = dataset.definition
  const newest = parent?.maxTimeMs ?? null
  if (time === undefined || newest === null) return 0
  const paths = new Set(parentManifest?.parts.map(({ source }) => source.path))
  const early = new Set(
    facts.filter(({ minTimeMs }) => minTimeMs !== null && minTimeMs < newest).map(({ path }) => path),
  )
  const suspects = arrivals.filter(({ file }) => early.has(file.path) && !paths.has(file.path))
  if (suspects.length === 0) return 0
  const [row] = await analytics.query(
    `SELECT count(*) AS late FROM ${parquetScan(suspects.map(({ localPath }) => localPath))}
     WHERE ${quoteIdentifier(time)} < make_timestamp(${Math.floor(newest)} * 1000)`,
  )
  return Number(row!['late'])
}
