import { around, sampleVariance, tuneRhoSquared, type Moments } from '../statistics/confidence-sequence.ts'
import { proportionSequence } from '../statistics/proportion.ts'
import { judgeHarm } from '../statistics/two-arm.ts'
import { judgedMetrics, type JudgedMetric, type RolloutPlan, type Stage } from './plan.ts'

/** The sum of one counter in one stage. */
export interface Total extends Moments {
  stage: number
  variant: string
  metric: string
}

export interface MetricVerdict {
  stage: number
  metric: JudgedMetric
  verdict: 'pass' | 'fail' | 'continue' | 'no_data'
  /** The same requests were answered by both, so differences were taken pair by pair. */
  paired: boolean
  margin: number
  alpha: number
  /** Candidate − stable; more is worse. */
  difference: number
  /** One-sided bounds that hold at all looks together; null while nothing can be said. */
  lower: number | null
  upper: number | null
  rows: { candidate: number; stable: number }
}

/** An absolute limit that the candidate is above, whatever stable does. */
export interface LimitBreach {
  metric: 'error' | 'violation'
  limit: number
  lower: number
  share: number
  rows: number
}

const NONE: Moments = { n: 0, sum: 0, sumSq: 0 }
/** Of the pairs that differ not at all, one is taken to differ by this much: no variance is not no uncertainty. */
const PAIR_FLOOR = 0.5
const RELATIVE_LOSS_MARGIN = 0.02
const LIMIT_ALPHA = 0.001
const SPLIT_ALPHA = 0.001

/** α for one metric in one stage: Bonferroni over both. */
function metricAlpha(plan: RolloutPlan): number {
  return plan.alpha / (plan.stages.length * judgedMetrics.length)
}

/** Judges every metric within one stage. Counts of other stages are not looked at: pooling them is biased when the base rate moves. */
export function judgeStage(plan: RolloutPlan, stage: number, totals: readonly Total[]): MetricVerdict[] {
  return judgedMetrics.flatMap((metric) => {
    const verdict = judgeMetric(plan, stage, metric, totals)
    return verdict ? [verdict] : []
  })
}

function judgeMetric(
  plan: RolloutPlan,
  stage: number,
  metric: JudgedMetric,
  totals: readonly Total[],
): MetricVerdict | undefined {
  const { mode } = plan.stages[stage]!
  // A shadow waits in a queue of its own, so its latency is not comparable.
  if (mode === 'shadow' && metric === 'latency_slow') return undefined
  if (metric !== 'loss' && plan.margins[metric] === undefined) return undefined
  const stable = momentsOf(totals, stage, 'stable', metric)
  const candidate = momentsOf(totals, stage, candidateVariant(plan.stages[stage]!), metric)
  const alpha = metricAlpha(plan)
  const margin = plan.margins[metric] ?? RELATIVE_LOSS_MARGIN * meanOf(stable)
  const paired = mode === 'shadow' && metric === 'loss'
  const rule = { margin, alpha, minimum: plan.minimumRows }
  const judged = paired
    ? judgePairs(momentsOf(totals, stage, 'shadow', 'pair_loss_diff'), rule)
    : judgeHarm({ ...rule, candidate, stable, kind: metric === 'loss' ? 'mean' : 'proportion' })
  const empty = Math.min(judged.rows.candidate, judged.rows.stable) === 0
  return {
    stage,
    metric,
    verdict: empty ? 'no_data' : judged.verdict,
    paired,
    margin,
    alpha,
    difference: judged.estimate,
    lower: Number.isFinite(judged.lower) ? judged.lower : null,
    upper: Number.isFinite(judged.upper) ? judged.upper : null,
    rows: judged.rows,
  }
}

interface PairRule {
  margin: number
  alpha: number
  minimum: number
}

function judgePairs(pairs: Moments, { margin, alpha, minimum }: PairRule) {
  const rows = { candidate: pairs.n, stable: pairs.n }
  const estimate = meanOf(pairs)
  if (pairs.n < minimum)
    return { verdict: 'continue' as const, estimate, lower: -Infinity, upper: Infinity, rows }
  const variance = Math.max(sampleVariance(pairs), PAIR_FLOOR ** 2 / pairs.n) / pairs.n
  const bounds = around(estimate, pairs.n, variance, { alpha, rhoSquared: tuneRhoSquared(alpha, 5000) })
  const verdict: MetricVerdict['verdict'] =
    bounds.lower > margin ? 'fail' : bounds.upper < margin ? 'pass' : 'continue'
  return { verdict, estimate, lower: bounds.lower, upper: bounds.upper, rows }
}

/** Limits that the candidate has certainly passed in this stage, by a bound that holds at all looks, however few the rows. */
export function breachedLimits(plan: RolloutPlan, stage: number, totals: readonly Total[]): LimitBreach[] {
  const variant = candidateVariant(plan.stages[stage]!)
  return (['error', 'violation'] as const).flatMap((metric) => {
    const { n, sum } = momentsOf(totals, stage, variant, metric)
    const limit = plan.limits[metric]
    const { lower } = proportionSequence({ successes: sum, n }, LIMIT_ALPHA)
    return lower > limit ? [{ metric, limit, lower, share: sum / n, rows: n }] : []
  })
}

/**
 * Sample-ratio mismatch: the candidate's share of the requests is certainly not the planned one, so assignment or logging is
 * broken and the stage proves nothing. The bound holds at all looks. Only for requests assigned one by one.
 */
export function splitMismatch(
  plan: RolloutPlan,
  stage: number,
  totals: readonly Total[],
): { expected: number; lower: number; upper: number; rows: number } | undefined {
  const { mode, weight } = plan.stages[stage]!
  if (mode === 'shadow' || plan.unit !== 'request') return undefined
  const candidate = momentsOf(totals, stage, 'canary', 'error').n
  const rows = candidate + momentsOf(totals, stage, 'stable', 'error').n
  const { lower, upper } = proportionSequence({ successes: candidate, n: rows }, SPLIT_ALPHA)
  const expected = weight / 10_000
  return expected < lower || expected > upper ? { expected, lower, upper, rows } : undefined
}

/** Pairs of a shadow stage, or requests of the candidate in a canary. */
export function candidateRows(plan: RolloutPlan, stage: number, totals: readonly Total[]): number {
  return momentsOf(totals, stage, candidateVariant(plan.stages[stage]!), 'error').n
}

function candidateVariant(stage: Stage): 'shadow' | 'canary' {
  return stage.mode
}

function momentsOf(totals: readonly Total[], stage: number, variant: string, metric: string): Moments {
  return (
    totals.find((total) => total.stage === stage && total.variant === variant && total.metric === metric) ??
    NONE
  )
}

function meanOf({ n, sum }: Moments): number {
  return n === 0 ? 0 : sum / n
}
