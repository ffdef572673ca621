import { quoteIdentifier, quoteLiteral } from '../ports/analytics/analytics.ts'
import type { EventSource, KnownColumn, ViewSpec } from '../features/schema.ts'

/** A time as whole milliseconds since the epoch. */
export function momentMs(sql: string): string {
  return `epoch_ms(CAST(${sql} AS TIMESTAMP))`
}

/** A key as the text that a request would send: a whole number has no decimal point, and a fraction no zeros at its end. */
export function keyText(column: string): string {
  const number = `TRY_CAST(${column} AS DOUBLE)`
  return `CASE WHEN typeof(${column}) IN ('DOUBLE', 'FLOAT') OR typeof(${column}) LIKE 'DECIMAL%'
    THEN CASE WHEN ${number} = trunc(${number}) THEN CAST(TRY_CAST(${column} AS BIGINT) AS VARCHAR) ELSE CAST(${number} AS VARCHAR) END
    ELSE CAST(${column} AS VARCHAR) END`
}

/**
 * The events of a view: for each row of the dataset and each key that it names one row `k` (key as text), `e` (ms: when
 * the row's time has come and all that the view reads of it is known) and what `columns` compute of the row. A row of which
 * something never becomes known is no event.
 */
export function eventRows(view: ViewSpec, datasetScan: string, columns: readonly string[]): string {
  const source = view.source!
  const keys = source.keys.map((key) => keyText(quoteIdentifier(key)))
  const k = keys.length === 1 ? keys[0] : `unnest([${keys.join(', ')}])`
  return `
    SELECT * FROM (SELECT ${[`${k} AS k`, `${eventMs(view.view, source)} AS e`, ...columns].join(', ')} FROM (${datasetScan}) AS dataset)
    WHERE k IS NOT NULL AND e IS NOT NULL`
}

function eventMs(view: string, { time, known }: EventSource): string {
  const timeMs = momentMs(quoteIdentifier(time))
  if (known.length === 0) return timeMs
  const moments = known.map((each) => knownMs(view, each, timeMs))
  // `greatest` overlooks nulls, and a value whose time is null is not known at all.
  const all = moments.map((sql) => `${sql} IS NOT NULL`).join(' AND ')
  return `CASE WHEN ${all} THEN greatest(${[timeMs, ...moments].join(', ')}) END`
}

function knownMs(view: string, { column, knownAt }: KnownColumn, timeMs: string): string {
  if (knownAt.type === 'after') return `(${timeMs} + ${Math.ceil(knownAt.afterMs)})`
  const known = momentMs(knownAt.type === 'column' ? quoteIdentifier(knownAt.column) : `(${knownAt.sql})`)
  if (knownAt.withinMs === undefined) return known
  const broken = `${view}: a value of ${column} is known later than ${knownAt.withinMs} ms after its row, which knownAt of the dataset promises not to be`
  return `CASE WHEN ${known} > ${timeMs} + ${knownAt.withinMs} THEN error(${quoteLiteral(broken)}) ELSE ${known} END`
}
