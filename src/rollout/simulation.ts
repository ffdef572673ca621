import { DAY_MS } from '../kernel/time-spans.ts'
import { deploymentSchema } from '../serving/definition.ts'
import { randomBinomial, randomNormal, type Random } from '../statistics/random.ts'
import { nextStep, type Judgement } from './next-step.ts'
import { resolvePlan, type RolloutPlan } from './plan.ts'
import type { Total } from './verdict.ts'

/** A rollout's plan as a deployment declares it. */
export function planOf(rollout: object, label = true): RolloutPlan {
  return resolvePlan(
    deploymentSchema.parse({
      name: 'late',
      model: 'late',
      rollout,
      ...(label && { label: { horizonMs: DAY_MS } }),
    }),
    { task: 'binary', sameFeatures: true },
  )
}

/** Counts of one rollout, added up as gateways would. */
export class Counts {
  readonly totals: Total[] = []

  add(stage: number, variant: string, metric: string, n: number, sum: number, sumSq = sum): void {
    const known = this.totals.find(
      (total) => total.stage === stage && total.variant === variant && total.metric === metric,
    )
    if (!known) this.totals.push({ stage, variant, metric, n, sum, sumSq })
    else {
      known.n += n
      known.sum += sum
      known.sumSq += sumSq
    }
  }
}

export function look(
  plan: RolloutPlan,
  stage: number,
  counts: Counts,
  { nowMs = 1, stageStartedMs = 0 }: { nowMs?: number; stageStartedMs?: number } = {},
): Judgement {
  return nextStep({ plan, stage, totals: counts.totals, startedMs: 0, stageStartedMs, nowMs })
}

/** Log losses of a calibrated model on labels of the given rate, by the normal limit of their sums. */
function addLosses(
  random: Random,
  counts: Counts,
  stage: number,
  variant: string,
  n: number,
  rate: number,
): void {
  const late = randomBinomial(random, n, rate)
  const scale = 1 + 0.02 * randomNormal(random)
  const [hit, miss] = [-Math.log(0.25), -Math.log(0.75)]
  counts.add(
    stage,
    variant,
    'loss',
    n,
    (late * hit + (n - late) * miss) * scale,
    (late * hit ** 2 + (n - late) * miss ** 2) * scale ** 2,
  )
}

interface Simulated {
  ended: 'promote' | 'roll_back' | 'open'
  candidateRows: number
}

/** A whole rollout, looked at every `requests` of 6,000 a day: canaries of 5, 25 and 50 %, errors and losses, a base rate that drifts and differs from day to day. */
export function simulate(
  random: Random,
  plan: RolloutPlan,
  {
    errors: errorRates,
    days,
    requests,
  }: { errors: [candidate: number, stable: number]; days: number; requests: number },
): Simulated {
  const counts = new Counts()
  let stage = 0
  let served = 0
  for (let day = 0; day < days; day++) {
    const rate = 1 / (1 + Math.exp(1.4 - (0.8 * day) / days - 0.4 * randomNormal(random)))
    const noise = Math.exp(0.3 * randomNormal(random))
    for (let part = 0; part < 6000 / requests; part++) {
      const { weight } = plan.stages[stage]!
      const toCandidate = randomBinomial(random, requests, weight / 10_000)
      served += toCandidate
      for (const [variant, n, error] of [
        ['canary', toCandidate, errorRates[0] * noise],
        ['stable', requests - toCandidate, errorRates[1] * noise],
      ] as const) {
        counts.add(stage, variant, 'error', n, randomBinomial(random, n, Math.min(1, error)))
        counts.add(stage, variant, 'latency_slow', n, randomBinomial(random, n, 0.01))
        addLosses(random, counts, stage, variant, n, rate)
      }
      const { step } = look(plan, stage, counts, { nowMs: day * DAY_MS })
      if (step.action === 'advance') stage++
      if (step.action === 'promote' || step.action === 'roll_back')
        return { ended: step.action, candidateRows: served }
    }
  }
  return { ended: 'open', candidateRows: served }
}
