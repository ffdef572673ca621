import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { OnlineWrite } from '../ports/online/online.ts'
import {
  knownFrom,
  newestRows,
  nextChange,
  viewRows,
  windowEvents,
  windowsUntil,
} from '../point-in-time/point-in-time.ts'
import type { ViewSpec } from '../features/schema.ts'

export interface WrittenRows {
  rows: number
  /** -Infinity without rows. */
  newestMs: number
  /** When there will be more to do without any new data. */
  nextMs: number | null
}

/** SQL of what `onlineRows` is computed from; a view by a row function has its rows computed before. */
export function onlineSource(view: ViewSpec, datasetScan: string): string {
  return view.aggregates ? windowEvents(view, datasetScan) : viewRows(view, datasetScan)
}

/**
 * Gives `write` what the online store should hold at the moment `untilMs`, a piece in memory at a time: for each key the newest row of
 * those known in [fromMs, untilMs], of windows the values at that moment. `source` is SQL of the view's rows, of windows of its events.
 */
export async function onlineRows(
  session: AnalyticsSession,
  view: ViewSpec,
  { source, fromMs, untilMs }: { source: string; fromMs: number; untilMs: number },
  write: (pieces: AsyncIterable<OnlineWrite[]>) => Promise<void>,
): Promise<WrittenRows> {
  const [values, next] = view.aggregates
    ? [windowsUntil(view, '__rows', untilMs), nextChange(view, '__rows', untilMs)]
    : [
        newestRows(view, 'SELECT * FROM __rows', { fromMs, untilMs }),
        `SELECT min(${knownFrom(view)}) AS next FROM __rows WHERE ${knownFrom(view)} > ${untilMs}`,
      ]
  await session.execute(`CREATE TEMP TABLE __rows AS ${source}`)
  const seen = { rows: 0, newestMs: -Infinity }
  await write(pieces(session, view, values, seen))
  const [pending] = await session.query(next)
  return { ...seen, nextMs: pending!['next'] as number | null }
}

/** Counts in `seen` what it gives. */
async function* pieces(
  session: AnalyticsSession,
  view: ViewSpec,
  sql: string,
  seen: { rows: number; newestMs: number },
): AsyncIterable<OnlineWrite[]> {
  for await (const columns of session.chunks(sql)) {
    const features = view.features.map((_, index) => columns[`f${index}`] as (number | string | null)[])
    const rows = (columns['k'] as string[]).map((entityKey, row) => ({
      entityKey,
      eventMs: Number(columns['ts']![row]),
      createdMs: Number(columns['created']![row]),
      values: features.map((column) => column[row]!),
    }))
    seen.rows += rows.length
    for (const { eventMs } of rows) seen.newestMs = Math.max(seen.newestMs, eventMs)
    yield rows
  }
}
