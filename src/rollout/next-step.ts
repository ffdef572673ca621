import type { RolloutPlan } from './plan.ts'
import {
  breachedLimits,
  candidateRows,
  judgeStage,
  splitMismatch,
  type LimitBreach,
  type MetricVerdict,
  type Total,
} from './verdict.ts'

export type Step =
  | { action: 'wait' }
  /** All that the stage needs is there, but what promotion needs is not. */
  | { action: 'hold'; why: 'unproven' | 'split'; missing: readonly MetricVerdict[] }
  | { action: 'advance' }
  | { action: 'promote'; evidence: readonly MetricVerdict[] }
  | { action: 'roll_back'; why: 'limit'; breach: LimitBreach }
  | { action: 'roll_back'; why: 'fail'; failed: MetricVerdict }
  | { action: 'roll_back'; why: 'expired'; missing: readonly MetricVerdict[] }

export interface Judgement {
  step: Step
  /** Every metric in every stage so far, the current one last. */
  metrics: readonly MetricVerdict[]
  split: ReturnType<typeof splitMismatch>
  /** The candidate's rows in the current stage. */
  rows: number
}

/**
 * What the controller does next, from counts alone: the same counts and times give the same step. Labels of earlier stages go
 * on arriving, so each stage is judged again; a FAIL in any of them rolls back.
 */
export function nextStep(input: {
  plan: RolloutPlan
  stage: number
  totals: readonly Total[]
  startedMs: number
  stageStartedMs: number
  nowMs: number
}): Judgement {
  const { plan, stage, totals } = input
  const metrics = judgeStages(plan, stage, totals)
  const split = splitMismatch(plan, stage, totals)
  const rows = candidateRows(plan, stage, totals)
  return { step: decide(input, metrics, split, rows), metrics, split, rows }
}

/** Every metric in every stage up to and with the given one. */
export function judgeStages(plan: RolloutPlan, stage: number, totals: readonly Total[]): MetricVerdict[] {
  return Array.from({ length: stage + 1 }, (_, index) => judgeStage(plan, index, totals)).flat()
}

function decide(
  { plan, stage, totals, startedMs, stageStartedMs, nowMs }: Parameters<typeof nextStep>[0],
  metrics: readonly MetricVerdict[],
  split: Judgement['split'],
  rows: number,
): Step {
  const breach = breachedLimits(plan, stage, totals)[0]
  if (breach) return { action: 'roll_back', why: 'limit', breach }
  const failed = metrics.find((metric) => metric.verdict === 'fail')
  if (failed) return { action: 'roll_back', why: 'fail', failed }
  const { minRows, minDurationMs } = plan.stages[stage]!
  const missing = unproven(plan, metrics)
  const filled = rows >= minRows && nowMs - stageStartedMs >= minDurationMs
  const last = stage === plan.stages.length - 1
  if (filled && !split && !last) return { action: 'advance' }
  if (filled && !split && missing.length === 0)
    return { action: 'promote', evidence: evidence(plan, metrics) }
  if (nowMs - startedMs >= plan.timeoutMs) return { action: 'roll_back', why: 'expired', missing }
  if (filled) return { action: 'hold', why: split ? 'split' : 'unproven', missing }
  return { action: 'wait' }
}

/** Of each metric that must PASS and has passed in no stage, the verdict of its latest stage. */
function unproven(plan: RolloutPlan, metrics: readonly MetricVerdict[]): MetricVerdict[] {
  return plan.promoteOn.flatMap((name) => {
    const judged = metrics.filter((metric) => metric.metric === name)
    if (judged.some((metric) => metric.verdict === 'pass')) return []
    return judged.at(-1) ?? []
  })
}

function evidence(plan: RolloutPlan, metrics: readonly MetricVerdict[]): MetricVerdict[] {
  return plan.promoteOn.flatMap(
    (name) => metrics.find((metric) => metric.metric === name && metric.verdict === 'pass') ?? [],
  )
}
