import { calibrateDays, judgeCalibrated, type DayValue, type WindowJudgement } from '../statistics/blocks.ts'

/** A watched value over one day and over three days, against how days differ in the reference. */
export interface SpreadJudgement {
  oneDay: WindowJudgement
  /** Absent until three days have been judged. */
  threeDay: WindowJudgement | undefined
  verdict: 'out' | 'watch' | 'calm'
}

export interface SpreadRule {
  /** One false alarm in this many days, over both windows together. */
  budgetDays: number
  minEffect: number
  sides: 'both' | 'lower' | 'upper'
  /** The value is a share or an AUC: its limits stay between 0 and 1. */
  isShare: boolean
  /** Variance of one row's contribution; left out for a share. */
  rowVariance?: number
}

/**
 * Two windows that overlap and days that follow each other give fewer alarms than two tests a day: with each window at 1.3 times
 * the budget, alarms (days outside in a row count once) stay within it. Measured in `base-rate.test.ts`.
 */
const BOTH_WINDOWS = 1.3
/** Inside this share of the way from the expected value to a limit, a day is calm. */
const CALM = 0.75
const WINDOW_DAYS = 3

/** Judges the last of `days` (in order, gaps allowed) by itself and together with the two days before it. */
export function judgeSpread(
  reference: readonly DayValue[],
  days: readonly DayValue[],
  { budgetDays, minEffect, sides, rowVariance, isShare }: SpreadRule,
): SpreadJudgement {
  const calibration = calibrateDays(reference, rowVariance === undefined ? {} : { rowVariance })
  const last = days.at(-1)!
  const window = days.filter(({ day }) => day > last.day - WINDOW_DAYS && day <= last.day)
  const options = { budgetDays: budgetDays * BOTH_WINDOWS, sides, isShare }
  const oneDay = judgeCalibrated(calibration, [last], minEffect, options)
  const threeDay =
    window.length === WINDOW_DAYS ? judgeCalibrated(calibration, window, minEffect, options) : undefined
  const judged = threeDay ? [oneDay, threeDay] : [oneDay]
  if (judged.some(({ alert }) => alert)) return { oneDay, threeDay, verdict: 'out' }
  return { oneDay, threeDay, verdict: judged.every(isCalm) ? 'calm' : 'watch' }
}

function isCalm({ value, expected, lower, upper }: WindowJudgement): boolean {
  const above = upper === null || value - expected <= CALM * (upper - expected)
  const below = lower === null || expected - value <= CALM * (expected - lower)
  return above && below
}
