import { sum } from '../kernel/sum.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../kernel/time-spans.ts'
import { judgeSeries, type AnomalyOptions, type SeriesPoint } from '../statistics/anomaly.ts'
import { jensenShannon } from '../statistics/divergence.ts'
import type { Expectation } from './definition.ts'
import type { DeliveredColumn, Delivery } from './delivered.ts'
import { shown } from './judge.ts'
import type { CheckResult } from './schema.ts'

type Anomaly = Extract<Expectation, { check: 'anomaly' }>

/** A measurement of each delivery, on a scale where its spread is even. */
interface Series {
  /** The column, where there is one. */
  suffix?: string
  name: string
  points: SeriesPoint[]
  floor: number
  side: AnomalyOptions['side']
  /** From that scale back to the number that people know. */
  natural: (value: number) => number
}

type Verdict = Pick<CheckResult, 'passed' | 'observed' | 'expected' | 'message'> & { suffix?: string }

const POOLED = 14
/** The standard error of an estimated count of distinct values. */
const DISTINCT_ERROR = 0.06
const DISTINCT_EXACT_BELOW = 256
/** The least changes that matter: factors, and a difference of shares. */
const LEAST = { rowCount: 1.1, freshness: 1.5, distinct: 1.2, nulls: 0.01, distribution: 0.1, mean: 0.1 }

/** One verdict on the last delivery, or one for each column; none when no file arrived. */
export function judgeAnomaly(e: Anomaly, deliveries: readonly Delivery[]): Verdict[] {
  const current = deliveries.at(-1)
  if (!current || (current.rows === 0 && e.of !== 'rowCount')) return []
  const all = seriesOf(e, deliveries)
  return all.map((series) => judgeOne(e, series, 1 / e.oneFalseAlarmIn / all.length))
}

function judgeOne(
  e: Anomaly,
  { suffix, name, points, floor, side, natural }: Series,
  alpha: number,
): Verdict {
  const { state, low, high } = judgeSeries(points, { alpha, minimum: e.minHistory, floor, side }).at(-1)!
  const observed = natural(points.at(-1)!.value)
  const head = { ...(suffix !== undefined && { suffix }), observed }
  if (high === null)
    return { ...head, passed: true, expected: null, message: `${name} is still being learned` }
  const expected = { min: low === null ? null : Math.max(0, natural(low)), max: natural(high) }
  if (e.of === 'mean') expected.min = low
  const range =
    expected.min === null
      ? `at most ${shown(expected.max)}`
      : `between ${shown(expected.min)} and ${shown(expected.max)}`
  const message = `${name} is ${shown(observed)}, usually it is ${range}`
  if (state === 'usual') return { ...head, passed: true, expected, message: '' }
  if (state === 'continuing' && e.severity === 'warn')
    return { ...head, passed: true, expected, message: `${message}; as in the delivery before` }
  return { ...head, passed: false, expected, message }
}

function seriesOf(e: Anomaly, deliveries: readonly Delivery[]): Series[] {
  if (e.of === 'rowCount') {
    const points = deliveries.map((delivery) => pointOf(delivery, Math.log1p(delivery.rows)))
    return [
      { name: 'the row count', points, floor: Math.log(LEAST.rowCount), side: 'both', natural: Math.expm1 },
    ]
  }
  if (e.of === 'freshness') return freshnessSeries(deliveries)
  const { of } = e
  return deliveries
    .at(-1)!
    .columns.filter(({ name }) => e.columns?.includes(name) ?? true)
    .flatMap((column) => columnSeries(of, column, deliveries))
}

/** Ages in minutes, so that what comes a few seconds sooner or later is the same. */
function freshnessSeries(deliveries: readonly Delivery[]): Series[] {
  const points = deliveries.flatMap((delivery, index) => {
    const { newestMs, arrivedMs } = delivery
    const since = newestMs ?? deliveries[index - 1]?.arrivedMs
    if (since === undefined) return []
    return [pointOf(delivery, Math.log1p(Math.max(0, arrivedMs - since) / MINUTE_MS))]
  })
  const last = deliveries.at(-1)!
  if (last.newestMs === null && deliveries.length === 1) return []
  const what = last.newestMs === null ? 'the time since the delivery before' : 'the age of the newest row'
  const natural = (value: number): number => Math.round(Math.expm1(value) * MINUTE_MS)
  return [{ name: `${what} in ms`, points, floor: Math.log(LEAST.freshness), side: 'above', natural }]
}

function columnSeries(
  of: Exclude<Anomaly['of'], 'rowCount' | 'freshness'>,
  { name, kind }: DeliveredColumn,
  deliveries: readonly Delivery[],
): Series[] {
  const known = deliveries.flatMap((delivery) => {
    const column = delivery.columns.find((each) => each.name === name)
    return column && column.kind === kind && column.rows > 0 ? [{ delivery, column }] : []
  })
  const series = { suffix: name, side: 'both' as const, natural: (value: number) => value }
  switch (of) {
    case 'nulls': {
      const share = mean(known.map(({ column }) => column.nulls / column.rows))
      const points = known.map(({ delivery, column }) =>
        pointOf(delivery, column.nulls / column.rows, Math.sqrt((share * (1 - share)) / column.rows)),
      )
      return [{ ...series, name: `the share of nulls of ${name}`, points, floor: LEAST.nulls }]
    }
    case 'distinct': {
      if (kind !== 'number' && kind !== 'category') return []
      const points = known.map(({ delivery, column: { distinct } }) =>
        pointOf(delivery, Math.log1p(distinct), distinct < DISTINCT_EXACT_BELOW ? 0 : DISTINCT_ERROR),
      )
      const natural = (value: number): number => Math.round(Math.expm1(value))
      const what = `the count of distinct values of ${name}`
      return [{ ...series, name: what, points, floor: Math.log(LEAST.distinct), natural }]
    }
    case 'mean':
      return meanSeries(series, known)
    case 'distribution': {
      if (kind !== 'number' && kind !== 'category') return []
      const points = distances(known)
      const what = `the distance of ${name} from the deliveries before`
      return points ? [{ ...series, name: what, points, floor: LEAST.distribution, side: 'above' }] : []
    }
  }
}

interface Known {
  delivery: Delivery
  column: DeliveredColumn
}

/** The least shift that matters is a tenth of the usual standard deviation within a delivery. */
function meanSeries(
  series: { suffix: string; side: 'both'; natural: (value: number) => number },
  known: readonly Known[],
): Series[] {
  const points = known.flatMap(({ delivery, column }) => {
    const { mean: value, standardDeviation, rows, nulls } = column
    if (value === null || standardDeviation === null) return []
    return [pointOf(delivery, value, standardDeviation / Math.sqrt(Math.max(1, rows - nulls)))]
  })
  const last = known.at(-1)
  if (!last || last.column.mean === null) return []
  const spread = mean(known.map(({ column }) => column.standardDeviation ?? 0))
  return [{ ...series, name: `the mean of ${series.suffix}`, points, floor: LEAST.mean * spread }]
}

/** How far each delivery's values are from those of the up to 14 deliveries before it, nulls left out. */
function distances(known: readonly Known[]): SeriesPoint[] | undefined {
  if (known.length < 2) return undefined
  return known.slice(1).map(({ delivery, column }, index) => {
    const before = known.slice(Math.max(0, index + 1 - POOLED), index + 1).map((each) => each.column)
    const widest = Math.max(column.width, ...before.map(({ width }) => width))
    const pooled = new Map<string, number>()
    const current = new Map<string, number>()
    for (const each of before) addCells(pooled, each, widest)
    addCells(current, column, widest)
    const cells = [...new Set([...pooled.keys(), ...current.keys()])]
    const counts = [pooled, current].map((side) => cells.map((cell) => side.get(cell) ?? 0))
    return pointOf(delivery, jensenShannon(counts[0]!, counts[1]!))
  })
}

function addCells(sum: Map<string, number>, { kind, width, cells }: DeliveredColumn, widest: number): void {
  for (const [cell, count] of cells) {
    const wide = kind === 'number' ? String(Math.floor(Number(cell) / (widest / width))) : cell
    sum.set(wide, (sum.get(wide) ?? 0) + count)
  }
}

/** The season of a delivery is the day of the week of its newest row. */
function pointOf({ newestMs, arrivedMs }: Delivery, value: number, noise = 0): SeriesPoint {
  return { value, noise, season: Math.floor((newestMs ?? arrivedMs) / DAY_MS) % 7 }
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length
}

/**
 * Whether it is longer than usual that nothing has arrived: the time since the last arrival, beside the times between the arrivals
 * before. Undefined while that is usual, or not known yet.
 */
export function judgeWait(
  { oneFalseAlarmIn, minHistory: minimum }: Anomaly,
  arrivals: readonly number[],
  nowMs: number,
): Pick<CheckResult, 'observed' | 'expected' | 'message'> | undefined {
  const ends = [...arrivals.slice(1), nowMs]
  const points = ends.map((endMs, index) => ({
    value: Math.log1p(Math.max(0, endMs - arrivals[index]!) / MINUTE_MS),
    season: Math.floor(endMs / DAY_MS) % 7,
  }))
  const judged = judgeSeries(points, {
    alpha: 1 / oneFalseAlarmIn,
    minimum,
    floor: Math.log(LEAST.freshness),
    side: 'above',
  }).at(-1)
  if (!judged || judged.high === null || judged.state === 'usual') return undefined
  const [observed, max] = [points.at(-1)!.value, judged.high].map((value) =>
    Math.round(Math.expm1(value) * MINUTE_MS),
  ) as [number, number]
  const hours = (ms: number): string => `${shown(ms / HOUR_MS)} hours`
  return {
    observed,
    expected: { min: null, max },
    message: `nothing has arrived for ${hours(observed)}, usually it is at most ${hours(max)}`,
  }
}
