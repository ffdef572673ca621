import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import { keyText, momentMs } from './event-rows.ts'
import { featureValue } from './feature-value.ts'
import type { ViewSpec } from '../features/schema.ts'

/** Whether a row of the view may become known after its event time. */
export function isBitemporal({ createdTimestamp, row, source }: ViewSpec): boolean {
  return createdTimestamp !== null || (row !== undefined && source!.known.length > 0)
}

/** The column of `viewRows` that says from when a row is known. */
export function knownFrom(view: ViewSpec): 'av' | 'ts' {
  return isBitemporal(view) ? 'av' : 'ts'
}

/**
 * The rows of a view as `k` (key as text), `ts` (event time, ms) and the features as `f0`, `f1`, …: the one form that training
 * and the online store are computed from. Where a row may become known later, also `created` and `av`, ms from which it is known.
 */
export function viewRows(view: ViewSpec, datasetScan: string): string {
  const moment = (column: string): string => momentMs(quoteIdentifier(column))
  const features = view.features.map(
    ({ name, kind }, index) => `${featureValue(quoteIdentifier(name), kind)} AS f${index}`,
  )
  const columns = [
    `${keyText(quoteIdentifier(view.entityKey))} AS k`,
    `${moment(view.eventTime)} AS ts`,
    ...features,
  ]
  const dataset = `(WITH dataset AS (${datasetScan}) SELECT * FROM (${view.sql}))`
  if (view.createdTimestamp === null) {
    return `SELECT * FROM (SELECT ${columns.join(', ')} FROM ${dataset}) WHERE k IS NOT NULL AND ts IS NOT NULL`
  }
  return `
    SELECT *, greatest(ts, created) AS av
    FROM (SELECT ${[...columns, `${moment(view.createdTimestamp)} AS created`].join(', ')} FROM ${dataset})
    WHERE k IS NOT NULL AND ts IS NOT NULL AND created IS NOT NULL`
}

/** Which of several rows of one moment counts: the later known, then an arbitrary order that is always the same. */
function newestFirst(view: ViewSpec): string {
  const features = view.features.map((_, index) => `f${index} DESC NULLS LAST`)
  return ['ts DESC', ...(isBitemporal(view) ? ['created DESC'] : []), ...features].join(', ')
}

/** What tells apart rows that a join by time may meet. */
function meetingColumns(view: ViewSpec): string[] {
  return isBitemporal(view) ? ['k', 'av', 'ts', 'created'] : ['k', 'ts']
}

/**
 * The moments at which a join by time may meet a row: `meetingColumns` of each row that is the newest of all that were known
 * by then. A row that becomes known after a newer event was known never counts; joining on `av` alone
 * would let it. Several rows of one moment are several equal ones.
 */
function meetings(view: ViewSpec, rows: string): string {
  if (!isBitemporal(view)) return `SELECT k, ts FROM ${rows}`
  return `
    SELECT k, av, ts, created FROM (
      SELECT k, av, ts, created, max(struct_pack(ts, created)) OVER (PARTITION BY k ORDER BY av RANGE UNBOUNDED PRECEDING) AS newest
      FROM ${rows})
    WHERE struct_pack(ts, created) = newest`
}

/**
 * For each asked moment (`k`, `moment`) the row that counts: `k`, `moment`, `ts` and the features; none where no row was known. The
 * join by time carries no values, so it is as fast for many features as for one, and equal rows are told apart only among
 * those that were met.
 */
export function rowsAtMoments(view: ViewSpec, rows: string, moments: string): string {
  const av = knownFrom(view)
  const columns = meetingColumns(view)
  return `
    WITH met AS MATERIALIZED (
      SELECT asked.moment, ${columns.map((name) => `row.${name}`).join(', ')}
      FROM (${moments}) asked ASOF JOIN (${meetings(view, rows)}) row ON asked.k = row.k AND asked.moment >= row.${av}),
    valued AS (
      SELECT * FROM ${rows} SEMI JOIN met USING (${columns.join(', ')})
      QUALIFY row_number() OVER (PARTITION BY k, ${av} ORDER BY ${newestFirst(view)}) = 1)
    SELECT met.k, met.moment, met.ts, ${view.features.map((_, index) => `valued.f${index}`).join(', ')}
    FROM met JOIN valued ON met.k = valued.k AND met.${av} = valued.${av}`
}

/** For each key the row that is the newest of those known at the end of (fromMs, untilMs]. */
export function newestRows(
  view: ViewSpec,
  rows: string,
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
): string {
  const av = knownFrom(view)
  const created = isBitemporal(view) ? 'created' : 'ts AS created'
  return `
    SELECT k, ts, ${created}, ${view.features.map((_, index) => `f${index}`).join(', ')} FROM (${rows})
    WHERE ${av} <= ${untilMs} ${fromMs === -Infinity ? '' : `AND ${av} >= ${fromMs}`}
    QUALIFY row_number() OVER (PARTITION BY k ORDER BY ${newestFirst(view)}) = 1`
}
