import { AppError } from '../kernel/errors.ts'
import { studentTQuantile } from './special.ts'

/** One day (block): its number (gaps allowed), its value, and the rows behind the value. */
export type DayValue = { day: number; value: number; rows: number }

/** How a value moves from day to day when nothing is wrong. */
export type DayCalibration = {
  /** Reference days. */
  days: number
  /** On this scale the other numbers are; `logit` suits shares, whose bad days reach further up than good ones down. */
  scale: Scale
  mean: number
  /** Standard deviation between days, with the part that sampling rows explains removed. */
  betweenSd: number
  /** Correlation of a day's effect with the next day's, 0 … 0.9. */
  autocorrelation: number
  /** Variance of one row's contribution, so that rowVariance / rows is a day's sampling variance. */
  rowVariance: number
  /** Degrees of freedom of `betweenSd`, fewer than days − 1 when days are correlated. */
  df: number
  /** Variance of `mean` as an estimate. */
  meanVariance: number
}

type Scale = 'identity' | 'logit'

/** In the value's unit; null on a side that is not judged. */
export type Limits = { lower: number | null; upper: number | null }

export type WindowJudgement = {
  value: number
  expected: number
  lower: number | null
  upper: number | null
  /** Beyond the limits, that is, more than days alone explain within the false-alarm budget. */
  outside: 'above' | 'below' | null
  /** value − expected, in the value's unit. */
  effect: number
  /** Outside, and the effect is at least the practical one. */
  alert: boolean
  days: number
  rows: number
  /** One false alarm in this many days was allowed. */
  budgetDays: number
}

const FEWEST_DAYS = 3
const MOST_AUTOCORRELATION = 0.9

/**
 * Estimates the spread from day to day by moments. `rowVariance` is the variance of one row's contribution to the value;
 * left out, the value is taken as a proportion: mean·(1 − mean). On the logit scale values must be proportions. The lag-1 correlation is corrected for sampling noise and
 * for its bias in short series (Kendall 1954: about −(1+4ρ)/days). Days without rows or value are left
 * out; at least three must remain, else it throws `invalid`.
 */
export function calibrateDays(
  values: readonly DayValue[],
  { rowVariance, scale = 'identity' }: CalibrationOptions = {},
): DayCalibration {
  const known = values.filter(isKnown)
  const reference = scale === 'logit' ? known.map(toLogit) : known
  const days = reference.length
  if (days < FEWEST_DAYS)
    throw new AppError(
      'invalid',
      `Calibrating by days needs at least ${FEWEST_DAYS} reference days; there are ${days}.`,
    )
  const mean = reference.reduce((sum, day) => sum + day.value, 0) / days
  const perRow = rowVariance ?? varianceOfShare(mean, scale)
  const sampling = reference.reduce((sum, day) => sum + perRow / day.rows, 0) / days
  const spread = reference.reduce((sum, day) => sum + (day.value - mean) ** 2, 0) / (days - 1)
  const raw = Math.max(0, spread - sampling)
  const autocorrelation = estimateAutocorrelation(reference, mean, raw)
  const evenly = reference.map(({ day }) => ({ day, weight: 1 / days }))
  const inflation = correlatedSum(evenly, autocorrelation)
  // Correlated days stay closer to their own mean than to the true one: E[spread] = σ²(1 − inflation)·days/(days−1).
  const between = raw * Math.min(2, (days - 1) / days / Math.max(0.1, 1 - inflation))
  const squared = autocorrelation ** 2
  return {
    days,
    scale,
    mean,
    betweenSd: Math.sqrt(between),
    autocorrelation,
    rowVariance: perRow,
    df: Math.max(1, (days * (1 - squared)) / (1 + squared) - 1),
    meanVariance: between * inflation + sampling / days,
  }
}

/** A day with rows and a value: the AUC of a day without positives is none. */
function isKnown({ value, rows }: DayValue): boolean {
  return rows > 0 && Number.isFinite(value)
}

/** `rowVariance` for an AUC per day: Mann–Whitney's null variance (n+m+1)/(12nm), written per row, for a share of positives. */
export function aucRowVariance(baseRate: number): number {
  return 1 / (12 * baseRate * (1 - baseRate))
}

export type CalibrationOptions = { rowVariance?: number; scale?: Scale }

/** Half a success and half a failure are added, so that a day of zeros is finite. */
function toLogit({ day, value, rows }: DayValue): DayValue {
  return { day, value: logit((value * rows + 0.5) / (rows + 1)), rows }
}

function logit(share: number): number {
  return Math.log(share / (1 - share))
}

function fromScale(value: number, scale: Scale): number {
  return scale === 'logit' ? 1 / (1 + Math.exp(-value)) : value
}

/** Variance of one row of a proportion; on the logit scale by the delta method. */
function varianceOfShare(mean: number, scale: Scale): number {
  const share = fromScale(mean, scale)
  return scale === 'logit' ? 1 / (share * (1 - share)) : Math.max(0, share * (1 - share))
}

function estimateAutocorrelation(reference: readonly DayValue[], mean: number, between: number): number {
  const ordered = [...reference].sort((a, b) => a.day - b.day)
  let [sum, pairs] = [0, 0]
  for (let i = 1; i < ordered.length; i++) {
    if (ordered[i]!.day - ordered[i - 1]!.day !== 1) continue
    sum += (ordered[i]!.value - mean) * (ordered[i - 1]!.value - mean)
    pairs++
  }
  if (pairs < 5 || between === 0) return 0
  const found = sum / pairs / between
  const corrected = (pairs * found + 1) / Math.max(1, pairs - 4)
  return Math.min(MOST_AUTOCORRELATION, Math.max(0, corrected))
}

/** Σ wᵢwⱼρ^|dayᵢ − dayⱼ|: the variance of a weighted sum of unit day effects. */
function correlatedSum(days: readonly { day: number; weight: number }[], autocorrelation: number): number {
  let sum = 0
  for (const a of days)
    for (const b of days) sum += a.weight * b.weight * autocorrelation ** Math.abs(a.day - b.day)
  return sum
}

/**
 * Limits for the row-weighted mean over a window of days: prediction limits that hold the spread between days (correlated
 * days average out slowly), the sampling noise of the window's own rows, and the error of the reference itself, with
 * Student's t. `budgetDays`: judged once every `judgedEvery` days, one judgement in that many days falls outside by chance.
 */
export function windowLimits(
  calibration: DayCalibration,
  window: readonly Pick<DayValue, 'day' | 'rows'>[],
  { budgetDays, sides = 'both', judgedEvery = 1, isShare = false }: LimitOptions,
): Limits {
  const rows = window.reduce((sum, day) => sum + day.rows, 0)
  const weights = window.map(({ day, rows: own }) => ({ day, weight: own / rows }))
  const { betweenSd, autocorrelation, rowVariance, meanVariance } = calibration
  const effects = (rho: number): number => betweenSd ** 2 * correlatedSum(weights, rho)
  const variance = effects(autocorrelation) + rowVariance / rows + meanVariance
  const df = windowFreedom(
    calibration,
    (effects(autocorrelation + 0.01) - effects(autocorrelation)) / 0.01 / variance,
  )
  const tail = Math.min(0.25, judgedEvery / budgetDays) / (sides === 'both' ? 2 : 1)
  const reach = studentTQuantile(1 - tail, df) * Math.sqrt(variance)
  const { mean, scale } = calibration
  const limit = (value: number): number => {
    const found = fromScale(value, scale)
    return isShare ? Math.min(1, Math.max(0, found)) : found
  }
  return {
    lower: sides === 'upper' ? null : limit(mean - reach),
    upper: sides === 'lower' ? null : limit(mean + reach),
  }
}

/**
 * Degrees of freedom of a window's variance (Satterthwaite 1946): to the error of the spread comes that of the correlation,
 * whose variance is about (1 − ρ²)/days. `slope` is d ln(variance)/dρ, 0 for a window of one day.
 */
function windowFreedom({ df, days, autocorrelation }: DayCalibration, slope: number): number {
  const correlationVariance = ((1 - autocorrelation ** 2) * days) / Math.max(1, days - 4) ** 2
  return Math.max(1, 2 / (2 / df + slope * slope * correlationVariance))
}

export type LimitOptions = {
  /** One false alarm in this many days is acceptable. Watching several values, multiply by how many. */
  budgetDays: number
  sides?: 'both' | 'upper' | 'lower'
  /** Days between judgements: 1 for a window that slides by a day, its length for windows end to end. */
  judgedEvery?: number
  /** The value lies between 0 and 1, and so do its limits; none is outside of them by that. */
  isShare?: boolean
}

/** Judges one window of whole days against the reference days. Throws `invalid` for fewer than three reference days. */
export function judgeWindow(
  input: {
    reference: readonly DayValue[]
    window: readonly DayValue[]
    /** The smallest effect worth an alert, in the value's unit. */
    practicalEffect: number
  } & CalibrationOptions &
    LimitOptions,
): WindowJudgement {
  return judgeCalibrated(calibrateDays(input.reference, input), input.window, input.practicalEffect, input)
}

/** The same against a calibration made before. */
export function judgeCalibrated(
  calibration: DayCalibration,
  days: readonly DayValue[],
  practicalEffect: number,
  options: LimitOptions,
): WindowJudgement {
  const window = days.filter(isKnown)
  const rows = window.reduce((sum, day) => sum + day.rows, 0)
  if (rows === 0) throw new AppError('invalid', 'The window holds no rows, so it cannot be judged.')
  const value = window.reduce((sum, day) => sum + day.value * day.rows, 0) / rows
  const { lower, upper } = windowLimits(calibration, window, options)
  const outside = upper !== null && value > upper ? 'above' : lower !== null && value < lower ? 'below' : null
  const expected = fromScale(calibration.mean, calibration.scale)
  const effect = value - expected
  return {
    value,
    expected,
    lower,
    upper,
    outside,
    effect,
    alert: outside !== null && Math.abs(effect) >= practicalEffect,
    days: window.length,
    rows,
    budgetDays: options.budgetDays,
  }
}

/** The judgement as one sentence: `late share .406 over 1 day (17,002 rows) is above .371, which …`. */
export function describeWindow(judgement: WindowJudgement, name: string): string {
  const { value, expected, lower, upper, outside, days, rows, budgetDays } = judgement
  const seen = `${name} ${shown(value)} over ${days} ${days === 1 ? 'day' : 'days'} (${rows.toLocaleString('en')} rows)`
  const usual = `expected ${shown(expected)}`
  if (outside === null) {
    const range = [
      lower === null ? [] : [`at least ${shown(lower)}`],
      upper === null ? [] : [`at most ${shown(upper)}`],
    ]
    return `${seen} is what days alone explain (${usual}, ${range.flat().join(' and ')}).`
  }
  const limit = outside === 'above' ? upper : lower
  const so = judgement.alert ? '' : ', but the difference is too small to matter'
  return `${seen} is ${outside} ${shown(limit ?? expected)} (${usual}), which days alone do about once in ${budgetDays} days${so}.`
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)))
}
