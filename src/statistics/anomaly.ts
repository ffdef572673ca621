import { median } from './median.ts'
import { normalQuantile, studentTQuantile } from './special.ts'

/** One measurement of a series, such as the rows of one delivery. Values are on a scale where their spread is even. */
export interface SeriesPoint {
  value: number
  /** What repeats, such as the day of the week; null when it is not known. */
  season: number | null
  /** Standard deviation that sampling alone gives the value, 0 when it has none. */
  noise?: number
}

export interface AnomalyOptions {
  /** False alarms for each point when nothing changes. */
  alpha: number
  /** Forecast errors that must be known before anything is said. */
  minimum: number
  /** The least change that matters. */
  floor: number
  side: 'both' | 'above'
}

/**
 * `learning`: not enough is known; `usual`: within the limits; `anomaly`: beyond them for the first time;
 * `continuing`: the same change still, for which there was an alarm.
 */
export interface SeriesJudgement {
  state: 'learning' | 'usual' | 'anomaly' | 'continuing'
  /** Null while learning. */
  expected: number | null
  low: number | null
  high: number | null
  /** Whether the season was used. */
  seasonal: boolean
}

/** Points that a forecast is the median of, those of the same season, and forecast errors that are remembered. */
const LEVEL = 14
const SEASON_LEVEL = 5
const ERRORS = 200
const FEWEST = 3
const FEWEST_OF_SEASON = 2
/** A change that lasts so many points is the new level. */
const LASTS = 5
const MAD_TO_SD = 1.4826
/** The median absolute deviation knows the spread as well as a standard deviation of so many fewer points. */
const MAD_EFFICIENCY = 0.37
const SEASON_MUST_GAIN = 0.9
/** The second largest of few errors is less than what the wanted rate would need. */
const FEW_ERRORS_ARE_SHORT = 1.25

/**
 * Judges each point of a series by the errors that forecasting the points before it, each from those before, has
 * made (prequential, Dawid 1984). The forecast is the median of the last 14 points, or that of the last 5 of the same
 * season once that has forecast better. The limits are the widest of
 * - a Student interval whose scale is the median absolute error (Hampel 1974) and whose degrees of freedom account for
 *   its efficiency of 37 %,
 * - the order statistic of the errors that has the wanted rate (conformal prediction, Vovk et al. 2005); while there are
 *   too few for it, the second largest and a quarter: what has happened twice is no anomaly,
 * - what sampling gives, and the least change that matters.
 *
 * Anomalies do not enter the forecast. Five in a row in one direction are a new level: what is remembered moves to it.
 */
export function judgeSeries(points: readonly SeriesPoint[], options: AnomalyOptions): SeriesJudgement[] {
  const memory: Memory = { kept: [], errors: [], suspects: [] }
  return points.map((point) => step(memory, point, options))
}

/** Errors of both forecasts of one point; undefined where the seasonal one had none. */
interface Errors {
  plain: number
  seasonal: number | undefined
}

interface Memory {
  kept: SeriesPoint[]
  errors: Errors[]
  /** Points beyond the limits, in a row and in one direction. */
  suspects: { point: SeriesPoint; errors: Errors; error: number }[]
}

const LEARNING: SeriesJudgement = {
  state: 'learning',
  expected: null,
  low: null,
  high: null,
  seasonal: false,
}

function step(memory: Memory, point: SeriesPoint, options: AnomalyOptions): SeriesJudgement {
  const { plain, seasonal } = forecasts(memory.kept, point.season)
  const limits = limitsOf(memory, { plain, seasonal }, point, options)
  const errors = plain !== undefined && {
    plain: point.value - plain,
    seasonal: seasonal === undefined ? undefined : point.value - seasonal,
  }
  if (limits === undefined || !errors) {
    memory.kept.push(point)
    if (errors) remember(memory, [errors])
    return LEARNING
  }
  const { expected, width, isSeasonal } = limits
  const error = point.value - expected
  const isOutside = options.side === 'above' ? error > width : Math.abs(error) > width
  const state = isOutside ? suspect(memory, { point, errors, error }, width) : accept(memory, point, errors)
  return {
    state,
    expected,
    low: options.side === 'above' ? null : expected - width,
    high: expected + width,
    seasonal: isSeasonal,
  }
}

function remember(memory: Memory, errors: readonly Errors[]): void {
  memory.errors = [...memory.errors, ...errors].slice(-ERRORS)
}

/** The suspects before it were no new level: that such errors happen is remembered. */
function accept(memory: Memory, point: SeriesPoint, errors: Errors): 'usual' {
  remember(memory, [...memory.suspects.map((suspected) => suspected.errors), errors])
  memory.suspects = []
  memory.kept.push(point)
  return 'usual'
}

/** The same change goes on in one direction and no further by more than the limits are wide. */
function suspect(
  memory: Memory,
  suspected: Memory['suspects'][number],
  width: number,
): 'anomaly' | 'continuing' {
  const before = memory.suspects.at(-1)
  const isSame =
    before !== undefined &&
    Math.sign(before.error) === Math.sign(suspected.error) &&
    Math.abs(suspected.error) <= Math.abs(before.error) + width
  if (before && !isSame)
    remember(
      memory,
      memory.suspects.map(({ errors }) => errors),
    )
  memory.suspects = isSame ? [...memory.suspects, suspected] : [suspected]
  if (memory.suspects.length >= LASTS) {
    const shift = median(memory.suspects.map(({ error }) => error))
    memory.kept = [
      ...memory.kept.map((kept) => ({ ...kept, value: kept.value + shift })),
      ...memory.suspects.map(({ point }) => point),
    ]
    memory.suspects = []
  }
  return isSame ? 'continuing' : 'anomaly'
}

function forecasts(
  kept: readonly SeriesPoint[],
  season: number | null,
): { plain: number | undefined; seasonal: number | undefined } {
  const alike = season === null ? [] : kept.filter((point) => point.season === season).slice(-SEASON_LEVEL)
  const level = (points: readonly SeriesPoint[], fewest: number): number | undefined =>
    points.length < fewest ? undefined : median(points.map(({ value }) => value))
  return { plain: level(kept.slice(-LEVEL), FEWEST), seasonal: level(alike, FEWEST_OF_SEASON) }
}

function limitsOf(
  memory: Memory,
  { plain, seasonal }: { plain: number | undefined; seasonal: number | undefined },
  { noise = 0 }: SeriesPoint,
  { alpha, minimum, floor, side }: AnomalyOptions,
): { expected: number; width: number; isSeasonal: boolean } | undefined {
  const isSeasonal = seasonal !== undefined && seasonForecastsBetter(memory, minimum)
  const expected = isSeasonal ? seasonal : plain
  const errors = memory.errors.flatMap((error) => (isSeasonal ? (error.seasonal ?? []) : error.plain))
  if (expected === undefined || errors.length < minimum) return undefined
  const sizes = errors
    .map((error) => (side === 'above' ? Math.max(0, error) : Math.abs(error)))
    .sort((a, b) => a - b)
  const n = errors.length
  const tail = side === 'above' ? alpha : alpha / 2
  const scale = MAD_TO_SD * median(errors.map(Math.abs)) * (n / (n - 0.8))
  const width = Math.max(
    studentTQuantile(1 - tail, MAD_EFFICIENCY * n) * scale,
    largestUsual(sizes, alpha),
    normalQuantile(1 - tail) * noise,
    floor,
  )
  return { expected, width, isSeasonal }
}

/** `sizes` ascend. */
function largestUsual(sizes: readonly number[], alpha: number): number {
  const n = sizes.length
  const rank = Math.ceil((1 - alpha) * (n + 1))
  return rank <= n ? sizes[rank - 1]! : FEW_ERRORS_ARE_SHORT * sizes[n - 2]!
}

/** By the mean of the errors at the points where both were made, the largest twentieth left out. */
function seasonForecastsBetter({ errors }: Memory, minimum: number): boolean {
  const both = errors.flatMap(({ plain, seasonal }) => (seasonal === undefined ? [] : [{ plain, seasonal }]))
  if (both.length < minimum) return false
  const mean = (values: number[]): number => {
    const sizes = values.map(Math.abs).sort((a, b) => a - b)
    const most = sizes.slice(0, Math.ceil(0.95 * sizes.length))
    return most.reduce((sum, size) => sum + size, 0) / most.length
  }
  return mean(both.map(({ seasonal }) => seasonal)) < SEASON_MUST_GAIN * mean(both.map(({ plain }) => plain))
}
