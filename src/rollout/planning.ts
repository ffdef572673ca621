import { AppError } from '../kernel/errors.ts'
import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import type { Queryable } from '../ports/db/db.ts'
import { sequenceRadius, tuneRhoSquared } from '../statistics/confidence-sequence.ts'
import { judgedMetrics, type RolloutPlan, type Stage } from './plan.ts'
import type { Deployment } from './schema.ts'
import { findLastTrafficHour, listTraffic } from './store-counts.ts'

/** What a plan is made from. */
interface TrafficFacts {
  requestsPerHour: number
  labelDelayMs: number
  nowMs: number
}

/** Spread of one row's value, taken high: of paired loss differences, and of whether a request fails at a rate of 2 %. */
const SPREAD = { pair: 0.25, error: Math.sqrt(2 * 0.02 * 0.98) }
const CANARY_WEIGHTS = [500, 2500, 5000]
const MOST_ROWS = 50_000_000

/**
 * Stages that can decide with the traffic there is: a shadow with as many pairs as a harmless candidate needs to PASS on what
 * promotion needs, then canaries of 5, 25 and 50 %. Throws `invalid` when that takes longer than the plan's time limit,
 * with the date by which it would be decided.
 */
function planStages(plan: Omit<RolloutPlan, 'stages'>, facts: TrafficFacts): Stage[] {
  const stagesCount = 1 + CANARY_WEIGHTS.length
  const alpha = plan.alpha / (stagesCount * judgedMetrics.length)
  const pairs = rowsFor(plan.margins.loss, SPREAD.pair, alpha, plan)
  const errors = plan.promoteOn.includes('error') ? rowsFor(plan.margins.error, SPREAD.error, alpha, plan) : 0
  const needsLabels = plan.promoteOn.includes('loss')
  const stages: Stage[] = [
    { mode: 'shadow', weight: 0, minRows: needsLabels ? pairs : plan.minimumRows, minDurationMs: 0 },
    ...CANARY_WEIGHTS.map((weight, index): Stage => {
      const isLast = index === CANARY_WEIGHTS.length - 1
      return { mode: 'canary', weight, minRows: Math.max(200, isLast ? errors : 0), minDurationMs: 0 }
    }),
  ]
  const decidedMs = facts.nowMs + expectedDurationMs(stages, facts, needsLabels)
  if (decidedMs - facts.nowMs <= plan.timeoutMs) return stages
  throw new AppError(
    'invalid',
    `With ${Math.round(facts.requestsPerHour)} requests an hour this rollout would be decided on ` +
      `${dateOf(decidedMs)}, after its time limit on ${dateOf(facts.nowMs + plan.timeoutMs)}. Give it more time, a wider margin, or a plan of your own.`,
    { details: { decidedMs, timeoutMs: plan.timeoutMs } },
  )
}

/** Rows after which the upper bound of a difference that is zero lies below the margin. */
function rowsFor(
  margin: number | undefined,
  sd: number,
  alpha: number,
  { minimumRows }: Pick<RolloutPlan, 'minimumRows'>,
): number {
  if (margin === undefined || margin <= 0)
    throw new AppError('invalid', 'An automatic plan needs margins above zero on what promotion needs')
  let rows = minimumRows
  const rhoSquared = tuneRhoSquared(alpha, 5000)
  while (rows < MOST_ROWS && sequenceRadius(rows, sd, alpha, rhoSquared) >= margin)
    rows = Math.ceil(rows * 1.05)
  return rows
}

function expectedDurationMs(
  stages: readonly Stage[],
  { requestsPerHour, labelDelayMs }: Pick<TrafficFacts, 'requestsPerHour' | 'labelDelayMs'>,
  needsLabels: boolean,
): number {
  const servingMs = stages.reduce((sum, { mode, weight, minRows, minDurationMs }) => {
    const share = mode === 'shadow' ? 1 : weight / 10_000
    return sum + Math.max(minDurationMs, (minRows / (requestsPerHour * share)) * HOUR_MS)
  }, 0)
  return servingMs + (needsLabels ? labelDelayMs : 0)
}

/** For `stages: 'auto'`: plans from the traffic of the deployment's last day. Any other plan is left as it is. */
export async function planFromTraffic(
  at: Queryable,
  { deployment, plan, nowMs }: { deployment: Deployment; plan: RolloutPlan; nowMs: number },
): Promise<RolloutPlan> {
  if (deployment.definition.rollout?.stages !== 'auto') return plan
  const key = { projectId: deployment.projectId, deployment: deployment.name }
  const lastMs = await findLastTrafficHour(at, key)
  const hours =
    lastMs === undefined
      ? []
      : await listTraffic(at, { ...key, fromMs: lastMs - DAY_MS, toMs: lastMs + HOUR_MS, limit: 5000 })
  const answered = hours.filter(({ variant }) => variant === 'stable' || variant === 'canary')
  const requests = answered.reduce((sum, { n }) => sum + n, 0)
  if (requests === 0) {
    throw new AppError('invalid', `${deployment.name} has had no traffic to plan from; declare the stages`)
  }
  const spanMs = lastMs! + HOUR_MS - answered[0]!.hourMs
  const stages = planStages(plan, {
    requestsPerHour: requests / (spanMs / HOUR_MS),
    labelDelayMs: deployment.definition.label?.horizonMs ?? 0,
    nowMs,
  })
  return { ...plan, stages }
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
