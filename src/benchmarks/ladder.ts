import type { z } from 'zod'
import type { BlockStatistics } from '../registry/schema.ts'
import { jackknifeDifference, leaveOneOut, metricInterval, metricOfBlocks } from '../statistics/bootstrap.ts'

export type Blocks = z.infer<typeof BlockStatistics>

export interface Released {
  estimate: number
  lower: number
  upper: number
}

/**
 * The Ladder (Blum and Hardt 2015, "The Ladder: a reliable leaderboard for machine learning competitions"), without a parameter: a
 * submission is shown only when it beats the participant's best by more than the standard error of their difference on the same rows.
 * Otherwise nothing is said but that it did not, so that many submissions teach little about the holdout. The standard error is that of a
 * jackknife over blocks, since rows of a day depend on each other. `direction` is +1 where more is better.
 */
export function beatsBest(best: Blocks | undefined, next: Blocks, direction: 1 | -1): boolean {
  if (Number.isNaN(metricOfBlocks(next))) return false
  if (best === undefined) return true
  const { estimate, standardError } = jackknifeDifference(leftOutOf(next), leftOutOf(best))
  return direction * estimate > standardError
}

/** What is shown of a score: with its interval, each rounded to the size of the standard error, so that digits carry no more than that. */
export function releasedScore(blocks: Blocks): Released {
  const { estimate, lower, upper, standardError } = metricInterval(blocks)
  return {
    estimate: roundTo(estimate, standardError),
    lower: roundTo(lower, standardError),
    upper: roundTo(upper, standardError),
  }
}

/** To the power of ten at or below the size; a size of zero leaves the value as it is. */
export function roundTo(value: number, size: number): number {
  if (!(size > 0)) return value
  const digits = -Math.floor(Math.log10(size))
  if (digits > 15) return value
  return digits > 0 ? Number(value.toFixed(digits)) : Math.round(value / 10 ** -digits) * 10 ** -digits
}

export function leftOutOf(blocks: Blocks): { estimate: number; left: Float64Array } {
  return { estimate: metricOfBlocks(blocks), left: leaveOneOut(blocks) }
}
