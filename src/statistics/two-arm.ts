import { START_ROWS, around, harmonicRows, sampleVariance, tuneRhoSquared } from './confidence-sequence.ts'
import type { Moments, SequenceInterval } from './confidence-sequence.ts'
import { differenceProportionSequence } from './proportion.ts'
import type { TwoArms } from './proportion.ts'

/** Counts of both arms within one stage, where the split between them did not change. */
export type Stage = { candidate: Moments; stable: Moments }

export type HarmRule = {
  /** Harm (candidate − stable; more is worse) beyond this fails. In the metric's unit. */
  margin: number
  /** Error probability of this verdict over all its looks, already split over stages and metrics. */
  alpha: number
  /** Rows in the smaller arm before anything passes, or fails on asymptotic grounds. */
  minimum?: number
  /** Rows (harmonic mean of the arms) at which the interval should be tightest. */
  tightestAt?: number
  kind: 'proportion' | 'mean'
  /**
   * Means only: the largest value a row can have (the clipped loss). Two rows that far off are added to the variance, so that
   * a metric that happened to be constant so far is not taken for certain.
   */
  range?: number
}

export type Verdict = {
  verdict: 'pass' | 'fail' | 'continue'
  estimate: number
  /** One-sided bounds, each valid at all looks with probability 1 − α. Null while nothing can be said. */
  lower: number | null
  upper: number | null
  /** Rows that count: harmonic mean of the arms, summed over stages. */
  n: number
  rows: { candidate: number; stable: number }
}

const EXACT_FAIL = 0.1
const EXACT_PASS = 0.5
const ENOUGH_EVENTS = 50
const TIGHTEST_AT = 5000

/**
 * The three-valued verdict on harm within one stage: FAIL when the lower bound exceeds the margin, PASS when the upper bound
 * is below it, else CONTINUE. Looking at it any number of times is allowed.
 */
export function judgeHarm(rule: HarmRule & Stage): Verdict {
  return combineStages([{ candidate: rule.candidate, stable: rule.stable }], rule)
}

/**
 * One verdict over several stages. Differences are taken inside each stage and averaged with weights n₁n₂/(n₁+n₂) (Mantel and
 * Haenszel 1959), which do not depend on the outcomes: a base rate that moves while the split changes cancels, where pooled
 * counts would be biased. The weighted sum stays a martingale over the whole rollout, so α is not split over stages again;
 * judge stages one by one (and split α) when the harm of one stage must not be diluted by another.
 *
 * A proportion has an asymptotic bound, with its variance kept off zero, and an exact one, and they share α. To fail, the
 * higher lower bound counts (nine tenths and one tenth of α), so that a disaster needs no minimum. To pass (one half each), the
 * exact bound counts as long as either arm has seen fewer than `ENOUGH_EVENTS` errors, so zero errors do not pass at once.
 */
export function combineStages(stages: readonly Stage[], rule: HarmRule): Verdict {
  const { margin, alpha, minimum = START_ROWS, tightestAt = TIGHTEST_AT, kind } = rule
  const used = stages.filter(({ candidate, stable }) => Math.min(candidate.n, stable.n) >= 2)
  const rows = {
    candidate: used.reduce((sum, stage) => sum + stage.candidate.n, 0),
    stable: used.reduce((sum, stage) => sum + stage.stable.n, 0),
  }
  const enough = Math.min(rows.candidate, rows.stable) >= Math.max(2, minimum)
  const pooled = poolStages(used, rule)
  const rhoSquared = tuneRhoSquared(alpha, tightestAt)
  const proportion = kind === 'proportion'
  const bounds = (part: number): SequenceInterval =>
    around(pooled.estimate, pooled.n, pooled.variance, { alpha: alpha * part, rhoSquared })
  let lower = enough ? bounds(proportion ? 1 - EXACT_FAIL : 1).lower : -Infinity
  let upper = enough ? bounds(proportion ? 1 - EXACT_PASS : 1).upper : Infinity
  if (proportion) {
    const tallies = used.map((stage) => ({ candidate: tally(stage.candidate), stable: tally(stage.stable) }))
    lower = Math.max(lower, differenceProportionSequence(tallies, alpha * EXACT_FAIL).lower)
    if (!enoughEvents(tallies)) upper = differenceProportionSequence(tallies, alpha * EXACT_PASS).upper
  }
  const verdict = lower > margin ? 'fail' : enough && upper < margin ? 'pass' : 'continue'
  return { verdict, estimate: pooled.estimate, lower: finite(lower), upper: finite(upper), n: pooled.n, rows }
}

/** Errors and successes seen in each arm, over all stages. */
function enoughEvents(stages: readonly TwoArms[]): boolean {
  return (['candidate', 'stable'] as const).every((arm) => {
    const errors = stages.reduce((sum, stage) => sum + stage[arm].successes, 0)
    const rows = stages.reduce((sum, stage) => sum + stage[arm].n, 0)
    return Math.min(errors, rows - errors) >= ENOUGH_EVENTS
  })
}

/** The same verdict on paired differences (candidate − stable on the same row): what a shadow gives. */
export function judgePaired(rule: Omit<HarmRule, 'kind'> & { differences: Moments }): Verdict {
  const { margin, alpha, minimum = START_ROWS, tightestAt = TIGHTEST_AT, range = 0, differences } = rule
  const { n } = differences
  const rows = { candidate: n, stable: n }
  const estimate = n === 0 ? 0 : differences.sum / n
  if (n < Math.max(2, minimum)) return { verdict: 'continue', estimate, lower: null, upper: null, n, rows }
  const options = { alpha, rhoSquared: tuneRhoSquared(alpha, tightestAt) }
  const { lower, upper } = around(estimate, n, varianceOfMean(differences, 'mean', range), options)
  return {
    verdict: lower > margin ? 'fail' : upper < margin ? 'pass' : 'continue',
    estimate,
    lower,
    upper,
    n,
    rows,
  }
}

function finite(bound: number): number | null {
  return Number.isFinite(bound) ? bound : null
}

function tally({ n, sum }: Moments): { successes: number; n: number } {
  return { successes: sum, n }
}

function poolStages(
  stages: readonly Stage[],
  { kind, range = 0 }: HarmRule,
): { estimate: number; variance: number; n: number } {
  let [sum, weights, variance, n] = [0, 0, 0, 0]
  for (const { candidate, stable } of stages) {
    const rows = harmonicRows(candidate.n, stable.n)
    sum += rows * (candidate.sum / candidate.n - stable.sum / stable.n)
    variance += rows * rows * (varianceOfMean(candidate, kind, range) + varianceOfMean(stable, kind, range))
    weights += rows
    n += rows
  }
  if (weights === 0) return { estimate: 0, variance: Infinity, n: 0 }
  return { estimate: sum / weights, variance: variance / (weights * weights), n }
}

/** For a proportion one success and one failure are added, so that none seen does not mean none possible. */
function varianceOfMean(arm: Moments, kind: HarmRule['kind'], range: number): number {
  if (kind === 'mean') return (sampleVariance(arm) + (2 * range * range) / arm.n) / arm.n
  const rate = (arm.sum + 1) / (arm.n + 2)
  return (rate * (1 - rate)) / arm.n
}
