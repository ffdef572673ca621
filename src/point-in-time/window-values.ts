import { quoteIdentifier, quoteLiteral } from '../ports/analytics/analytics.ts'
import type { Aggregate, Condition, ViewSpec } from '../features/schema.ts'
import { eventRows } from './event-rows.ts'
import { featureValue } from './feature-value.ts'

// The value of a windowed feature at a moment t is the aggregate of the events in (t - window, t], in whole
// milliseconds. Training asks for it at the moments of its rows, materialization at the one moment until which it
// computes. Both are the same calls over the same events, so they agree at every moment, also where events leave.

/** For each asked `k` and `moment` (ms) that has had an event: `ts`, the time of its newest event, and the features f0, f1, …. */
export function windowsAtMoments(
  view: ViewSpec,
  datasetScan: string,
  { moments, fromMs, untilMs }: { moments: string; fromMs: number; untilMs: number },
): string {
  const { columns, calls } = compile(view)
  const timeline = 'PARTITION BY k ORDER BY e'
  const frames = [...new Set(calls.map(({ windowMs }) => windowMs))].map(
    (ms) => `w${ms} AS (${timeline} RANGE BETWEEN ${ms - 1} PRECEDING AND CURRENT ROW)`,
  )
  const raw = calls.map(({ call, filter, windowMs }, index) => {
    const filtered = filter === null ? call : `${call} FILTER (WHERE ${filter})`
    return `${filtered} OVER w${windowMs} AS r${index}`
  })
  return `
    WITH asked AS (${moments}),
    events AS (
      SELECT * FROM (${eventRows(view, datasetScan, columns)})
      WHERE e > ${fromMs} AND e <= ${untilMs} AND k IN (SELECT k FROM asked)),
    timeline AS (
      SELECT *, true AS happened FROM events
      UNION ALL BY NAME SELECT k, moment AS e, false AS happened FROM asked),
    valued AS (
      SELECT k, e AS moment, happened, max(e) FILTER (WHERE happened) OVER (${timeline} RANGE UNBOUNDED PRECEDING) AS ts,
        ${raw.join(', ')}
      FROM timeline WINDOW ${frames.join(', ')})
    SELECT k, moment, ts, ${features(view, calls)} FROM valued WHERE NOT happened AND ts IS NOT NULL`
}

/** The table of a view's events that `windowsUntil` and `nextChange` read. */
export function windowEvents(view: ViewSpec, datasetScan: string): string {
  return eventRows(view, datasetScan, compile(view).columns)
}

/** For each key the features at the moment `untilMs`: `k`, `ts` (its newest event), `created` (the moment) and f0, f1, …. */
export function windowsUntil(view: ViewSpec, events: string, untilMs: number): string {
  const { calls } = compile(view)
  const raw = calls.map(({ call, filter, windowMs }, index) => {
    const recent = `e > ${untilMs - windowMs}`
    return `${call} FILTER (WHERE ${filter === null ? recent : `${recent} AND ${filter}`}) AS r${index}`
  })
  return `
    SELECT k, ts, CAST(${untilMs} AS BIGINT) AS created, ${features(view, calls)}
    FROM (SELECT k, max(e) AS ts, ${raw.join(', ')} FROM ${events} WHERE e <= ${untilMs} GROUP BY k)`
}

/** The share of a window by which an event may stay longer than the window online, until the next look. */
const PATIENCE = 1 / 200

/** `next`: the first moment after `untilMs` at which to look again, since an event comes or has left a window. */
export function nextChange(view: ViewSpec, events: string, untilMs: number): string {
  const spans = view.aggregates!.flatMap(({ windows }) => windows.map(({ ms }) => ms))
  const leaving = [...new Set(spans)].map((ms) => {
    const first = `min(e + ${ms}) FILTER (WHERE e <= ${untilMs} AND e + ${ms} > ${untilMs})`
    return `CASE WHEN ${first} IS NOT NULL THEN greatest(${first}, ${untilMs + Math.ceil(ms * PATIENCE)}) END`
  })
  return `SELECT least(${[`min(e) FILTER (WHERE e > ${untilMs})`, ...leaving].join(', ')}) AS next FROM ${events}`
}

interface Call {
  call: string
  filter: string | null
  windowMs: number
}

/** The columns of an event that aggregates read, and one call for each feature. */
function compile({ aggregates }: ViewSpec): { columns: string[]; calls: Call[] } {
  const values = [...new Set(aggregates!.map(eventValue))]
  const calls = aggregates!.flatMap((each) => {
    const column = `c${values.indexOf(eventValue(each))}`
    return each.windows.map(({ ms }): Call => ({ ...callOf(each, column), windowMs: ms }))
  })
  return { columns: values.map((sql, index) => `${sql} AS c${index}`), calls }
}

/** What an event gives to an aggregate; null when it gives nothing. */
function eventValue({ function: applied, column, share, where }: Aggregate): string {
  const value = applied === 'share' ? `CAST(${allOf(share)} AS INTEGER)` : valueOf(applied, column)
  return where.length === 0 ? value : `CASE WHEN ${allOf(where)} THEN ${value} END`
}

function valueOf(applied: Aggregate['function'], column: string | null): string {
  if (column === null) return 'true'
  const name = quoteIdentifier(column)
  return applied === 'deviation' ? featureValue(name, 'number') : name
}

function callOf({ function: applied }: Aggregate, column: string): Omit<Call, 'windowMs'> {
  switch (applied) {
    case 'count':
      return { call: `count(${column})`, filter: null }
    case 'sum':
    case 'min':
    case 'max':
      return { call: `${applied}(${column})`, filter: null }
    case 'mean':
    case 'share':
      return { call: `avg(${column})`, filter: null }
    case 'distinct':
      return { call: `count(DISTINCT ${column})`, filter: null }
    case 'deviation':
      return { call: `stddev_samp(${column})`, filter: null }
    case 'last':
      return { call: `max(struct_pack(e := e, v := ${column}))`, filter: `${column} IS NOT NULL` }
  }
}

function features({ features, aggregates }: ViewSpec, calls: readonly Call[]): string {
  const lasts = aggregates!.flatMap((each) => each.windows.map(() => each.function === 'last'))
  return calls
    .map((_, index) => {
      const raw = lasts[index] ? `r${index}.v` : `r${index}`
      return `${featureValue(raw, features[index]!.kind)} AS f${index}`
    })
    .join(', ')
}

function allOf(conditions: readonly Condition[]): string {
  return `(${conditions.map(conditionSql).join(' AND ')})`
}

const OPERATORS = {
  equal: '=',
  not: '<>',
  above: '>',
  below: '<',
  atLeast: '>=',
  atMost: '<=',
} as const satisfies Record<Exclude<Condition['is'], 'in'>, string>

function conditionSql({ column, is, value }: Condition): string {
  const name = quoteIdentifier(column)
  if (is === 'in') return `${name} IN (${[value].flat().map(literal).join(', ')})`
  return `${name} ${OPERATORS[is]} ${literal([value].flat()[0]!)}`
}

function literal(value: string | number | boolean): string {
  return typeof value === 'string' ? quoteLiteral(value) : String(value)
}
