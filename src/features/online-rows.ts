import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { OnlineWrite } from '../ports/online/online.ts'
import { newestRows, viewRows } from './point-in-time.ts'
import type { ViewSpec } from './schema.ts'
import { nextChange, windowEvents, windowsUntil } from './window-values.ts'

/**
 * What the online store should hold at the moment `untilMs`: for each key the newest row of those known in
 * [fromMs, untilMs], of windows the values at that moment. `nextMs` is when there will be more to do without any new data.
 */
export async function onlineRows(
  session: AnalyticsSession,
  view: ViewSpec,
  scan: string,
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
): Promise<{ rows: OnlineWrite[]; nextMs: number | null }> {
  const [table, values, next] = view.aggregates
    ? [windowEvents(view, scan), windowsUntil(view, '__rows', untilMs), nextChange(view, '__rows', untilMs)]
    : [
        viewRows(view, scan),
        newestRows(view, 'SELECT * FROM __rows', { fromMs, untilMs }),
        `SELECT min(av) AS next FROM __rows WHERE av > ${untilMs}`,
      ]
  await session.execute(`CREATE TEMP TABLE __rows AS ${table}`)
  const columns = await session.columns(values)
  const features = view.features.map((_, index) => columns[`f${index}`] as (number | string | null)[])
  const rows = (columns['k'] as string[]).map((entityKey, row) => ({
    entityKey,
    eventMs: Number(columns['ts']![row]),
    createdMs: Number(columns['created']![row]),
    values: features.map((column) => column[row]!),
  }))
  const [pending] = await session.query(next)
  return { rows, nextMs: pending!['next'] as number | null }
}
