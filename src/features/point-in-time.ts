import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import { keyText, knownValues, momentMs } from './event-rows.ts'
import { featureValue } from './feature-value.ts'
import type { ViewSpec } from './schema.ts'

/**
 * The rows of a view as `k` (key as text), `ts` and `created` (ms), `av` (ms from which the row is known) and the
 * features as `f0`, `f1`, …: the one form that training and the online store are computed from.
 */
export function viewRows(view: ViewSpec, datasetScan: string): string {
  const moment = (column: string): string => momentMs(quoteIdentifier(column))
  const features = view.features.map(
    ({ name, kind }, index) => `${featureValue(quoteIdentifier(name), kind)} AS f${index}`,
  )
  return `
    SELECT *, greatest(ts, created) AS av FROM (
      SELECT ${keyText(quoteIdentifier(view.entityKey))} AS k,
        ${moment(view.eventTime)} AS ts, ${moment(view.createdTimestamp ?? view.eventTime)} AS created, ${features.join(', ')}
      FROM (WITH dataset AS (${knownValues(view, datasetScan)}) SELECT * FROM (${view.sql})))
    WHERE k IS NOT NULL AND ts IS NOT NULL AND created IS NOT NULL`
}

/** Which of several rows of one moment counts: the later known, then an arbitrary order that is always the same. */
function newestFirst({ features }: ViewSpec): string {
  return ['ts DESC', 'created DESC', ...features.map((_, index) => `f${index} DESC NULLS LAST`)].join(', ')
}

/** Whether a row of the view may become known after its event time. */
function isBitemporal({ createdTimestamp, row, source }: ViewSpec): boolean {
  return createdTimestamp !== null || (row !== undefined && source!.known.length > 0)
}

/**
 * The moments at which a join by time may meet a row: `k`, `av`, `ts` and `created` of each row that is the newest of all
 * that were known by `av`. A row that becomes known after a newer event was known never counts; joining on `av` alone
 * would let it. Several rows of one moment are several equal ones.
 */
function meetings(view: ViewSpec, rows: string): string {
  if (!isBitemporal(view)) return `SELECT k, av, ts, created FROM ${rows}`
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
  return `
    WITH met AS MATERIALIZED (
      SELECT asked.k, asked.moment, row.av, row.ts, row.created
      FROM (${moments}) asked ASOF JOIN (${meetings(view, rows)}) row ON asked.k = row.k AND asked.moment >= row.av),
    valued AS (
      SELECT * FROM ${rows} SEMI JOIN met USING (k, av, ts, created)
      QUALIFY row_number() OVER (PARTITION BY k, av ORDER BY ${newestFirst(view)}) = 1)
    SELECT met.k, met.moment, met.ts, ${view.features.map((_, index) => `valued.f${index}`).join(', ')}
    FROM met JOIN valued ON met.k = valued.k AND met.av = valued.av`
}

/** For each key the row that is the newest of those known at the end of (fromMs, untilMs]. */
export function newestRows(
  view: ViewSpec,
  rows: string,
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
): string {
  return `
    SELECT k, ts, created, ${view.features.map((_, index) => `f${index}`).join(', ')} FROM (${rows})
    WHERE av <= ${untilMs} ${fromMs === -Infinity ? '' : `AND av >= ${fromMs}`}
    QUALIFY row_number() OVER (PARTITION BY k ORDER BY ${newestFirst(view)}) = 1`
}
