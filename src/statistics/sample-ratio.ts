import { sum } from '../kernel/sum.ts'
import { chiSquareTail } from './special.ts'

/**
 * Sample-ratio mismatch: do the arms have the shares they were given? χ² against the planned weights. A mismatch (p below
 * 0.001) means that assignment or logging is broken, so it stops the analysis rather than judging the model.
 */
export function sampleRatio(
  rows: readonly number[],
  weights: readonly number[],
  threshold = 0.001,
): { statistic: number; df: number; pValue: number; mismatch: boolean } {
  const all = sum(rows)
  const weight = weights.reduce((sum, share) => sum + share, 0)
  let statistic = 0
  let arms = 0
  for (let i = 0; i < rows.length; i++) {
    const expected = (all * weights[i]!) / weight
    if (expected > 0) {
      statistic += (rows[i]! - expected) ** 2 / expected
      arms++
    } else if (rows[i]! > 0) statistic = Infinity
  }
  const df = Math.max(0, arms - 1)
  const pValue = statistic === Infinity ? 0 : chiSquareTail(statistic, df)
  return { statistic, df, pValue, mismatch: pValue < threshold }
}
