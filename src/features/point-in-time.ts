import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { Feature, FeatureKind, ViewSpec } from './schema.ts'

/**
 * The rows of a view as `k` (key as text), `ts` and `created` (ms), `av` (ms from which the row is known) and the
 * features as `f0`, `f1`, …: the one form that training and the online store are computed from.
 */
export function viewRows(view: ViewSpec, datasetScan: string): string {
  const moment = (column: string): string => `epoch_ms(CAST(${quoteIdentifier(column)} AS TIMESTAMP))`
  const features = view.features.map(
    ({ name, kind }, index) => `${featureValue(quoteIdentifier(name), kind)} AS f${index}`,
  )
  return `
    SELECT *, greatest(ts, created) AS av FROM (
      SELECT ${keyText(quoteIdentifier(view.entityKey))} AS k,
        ${moment(view.eventTime)} AS ts, ${moment(view.createdTimestamp ?? view.eventTime)} AS created, ${features.join(', ')}
      FROM (WITH dataset AS (${datasetScan}) SELECT * FROM (${view.sql})))
    WHERE k IS NOT NULL AND ts IS NOT NULL AND created IS NOT NULL`
}

/** Which of several rows of one moment counts: the later known, then an arbitrary order that is always the same. */
function newestFirst({ features }: ViewSpec): string {
  return ['ts DESC', 'created DESC', ...features.map((_, index) => `f${index} DESC NULLS LAST`)].join(', ')
}

/**
 * The rows that a join by time may meet: for each key and moment `av` the one that is the newest of all that were known
 * by then. With a created timestamp, a row that becomes known after a newer event was known never counts; joining on
 * `av` alone would let it.
 */
export function knownRows(view: ViewSpec, rows: string): string {
  const order = newestFirst(view)
  if (view.createdTimestamp === null) {
    return `SELECT * FROM ${rows} QUALIFY row_number() OVER (PARTITION BY k, av ORDER BY ${order}) = 1`
  }
  return `
    WITH numbered AS (SELECT *, row_number() OVER (ORDER BY ${ascending(view)}) AS rank FROM ${rows}),
    best AS (
      SELECT *, max(rank) OVER (PARTITION BY k ORDER BY av RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS best
      FROM numbered)
    SELECT * FROM best WHERE rank = best`
}

function ascending({ features }: ViewSpec): string {
  return ['ts', 'created', ...features.map((_, index) => `f${index} NULLS FIRST`)].join(', ')
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

/** A key as the text that a request would send: a whole number has no decimal point. */
export function keyText(column: string): string {
  return `CASE typeof(${column}) WHEN 'DOUBLE' THEN CAST(TRY_CAST(${column} AS BIGINT) AS VARCHAR) ELSE CAST(${column} AS VARCHAR) END`
}

/** A value in the form that serving has it in: finite numbers, text, ms since the epoch. */
export function featureValue(column: string, kind: FeatureKind): string {
  switch (kind) {
    case 'number':
      return `CASE WHEN isfinite(CAST(${column} AS DOUBLE)) THEN CAST(${column} AS DOUBLE) END`
    case 'category':
      return `CAST(${column} AS VARCHAR)`
    case 'timestamp':
      return `epoch_ms(CAST(${column} AS TIMESTAMP))`
  }
}

export const SQL_TYPE = {
  number: 'DOUBLE',
  category: 'VARCHAR',
  timestamp: 'BIGINT',
} as const satisfies Record<Feature['kind'], string>
