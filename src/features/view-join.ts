import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { rowsAtMoments, viewRows } from './point-in-time.ts'
import type { ViewSpec } from './schema.ts'
import { windowsAtMoments } from './window-values.ts'

/** Where a training set reads a view's dataset: SQL of its rows, and the time column. */
export interface DatasetScan {
  scan: string
  time: string | null
}

/**
 * The table `__view<index>`: for each row of the table `__spine` one, in the same order, with `ts` (ms, null where no row
 * was known) and the features f0, f1, …. Views are joined one after another, so that one view's rows are held at a time.
 */
export async function joinView(
  session: AnalyticsSession,
  view: ViewSpec,
  index: number,
  { scan, time }: DatasetScan,
): Promise<void> {
  const [bounds] = await session.query('SELECT min(__ts) AS low, max(__ts) AS high FROM __spine')
  const { low, high } = bounds as { low: number | null; high: number | null }
  const range = { low: low ?? 0, high: high ?? 0 }
  const moments = `SELECT DISTINCT __k${index} AS k, __ts AS moment FROM __spine WHERE __k${index} IS NOT NULL AND __ts IS NOT NULL`
  const read = restrictScan(scan, time, view, range)
  await session.execute(
    `CREATE TEMP TABLE __valued AS ${await valuesAt(session, view, read, moments, range)}`,
  )
  await session.execute(`
    CREATE TEMP TABLE __view${index} AS
    SELECT v.ts, ${view.features.map((_, at) => `v.f${at}`).join(', ')}
    FROM __spine s LEFT JOIN __valued v ON s.__k${index} = v.k AND s.__ts = v.moment ORDER BY s.__row`)
  await session.execute('DROP TABLE __valued')
  await session.execute('DROP TABLE IF EXISTS __rows')
}

interface Range {
  low: number
  high: number
}

async function valuesAt(
  session: AnalyticsSession,
  view: ViewSpec,
  scan: string,
  moments: string,
  { low, high }: Range,
): Promise<string> {
  if (view.aggregates) {
    const longestMs = Math.max(...view.aggregates.flatMap(({ windows }) => windows.map(({ ms }) => ms)))
    const fromMs = Math.floor(low - Math.max(longestMs, view.ttlMs)) - 1
    return windowsAtMoments(view, scan, { moments, fromMs, untilMs: high })
  }
  await session.execute(
    `CREATE TEMP TABLE __rows AS SELECT * FROM (${viewRows(view, scan)}) WHERE av <= ${high}`,
  )
  return rowsAtMoments(view, '__rows', moments)
}

/** With a lookback, only the rows that can matter to any moment of the spine. */
function restrictScan(
  scan: string,
  time: string | null,
  { lookbackMs, ttlMs }: ViewSpec,
  { low, high }: Range,
): string {
  if (lookbackMs === null || time === null) return scan
  const column = quoteIdentifier(time)
  const from = Math.floor(low - ttlMs - lookbackMs) * 1000
  return `SELECT * FROM (${scan}) WHERE ${column} >= make_timestamp(${from}) AND ${column} <= make_timestamp(${Math.ceil(high) * 1000})`
}
