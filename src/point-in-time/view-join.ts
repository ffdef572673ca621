import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { knownFrom, rowsAtMoments } from './view-rows.ts'
import type { KnownColumn, ViewSpec } from '../features/schema.ts'
import { createRows, type FunctionCode } from './create-rows.ts'
import { windowsAtMoments } from './window-values.ts'

/** Where a training set reads a dataset: SQL of its rows, the time column, and the columns that are known later than that. */
export interface DatasetScan {
  scan: string
  time: string | null
  known?: KnownColumn[] | undefined
}

/**
 * The table `__view<index>`: for each row of the table `__spine` one, in the same order, with `ts` (ms, null where no row
 * was known) and the features f0, f1, …. Views are joined one after another, so that one view's rows are held at a time.
 */
export async function joinView(
  session: AnalyticsSession,
  view: ViewSpec,
  index: number,
  { scan, time, ...code }: DatasetScan & FunctionCode,
): Promise<void> {
  const [bounds] = await session.query('SELECT min(__ts) AS low, max(__ts) AS high FROM __spine')
  const { low, high } = bounds as { low: number | null; high: number | null }
  const range = { low: low ?? 0, high: high ?? 0 }
  const moments = `SELECT DISTINCT __k${index} AS k, __ts AS moment FROM __spine WHERE __k${index} IS NOT NULL AND __ts IS NOT NULL`
  const read = restrictScan(scan, time, view, range)
  const values = view.aggregates
    ? windowsAtMoments(view, read, { moments, ...reach(view, range) })
    : rowsAtMoments(view, '__rows', moments)
  if (!view.aggregates) {
    const asked = `${knownFrom(view)} <= ${range.high} AND k IN (SELECT __k${index} FROM __spine)`
    await createRows(session, view, read, code, asked)
  }
  await session.execute(`CREATE TEMP TABLE __valued AS ${values}`)
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

/** The events that matter to a window, or to the age of a value, at any moment of the spine. */
function reach({ aggregates, ttlMs }: ViewSpec, { low, high }: Range): { fromMs: number; untilMs: number } {
  const longestMs = Math.max(...aggregates!.flatMap(({ windows }) => windows.map(({ ms }) => ms)))
  return { fromMs: Math.floor(low - Math.max(longestMs, ttlMs)) - 1, untilMs: high }
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
