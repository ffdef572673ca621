import { expect, test } from 'vitest'
import { deploymentSchema } from '../serving/definition.ts'
import { createRandom, randomBinomial, randomNormal, type Random } from '../statistics/random.ts'
import { nextStep, type Judgement } from './next-step.ts'
import { resolvePlan, type RolloutPlan } from './plan.ts'
import { describe as describeVerdict, sentenceOf } from './sentence.ts'
import type { Total } from './verdict.ts'

const DAY_MS = 86_400_000

function planOf(rollout: object, label = true): RolloutPlan {
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
class Counts {
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

function look(
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
function simulate(
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

const canaries = [5, 25, 50].map((canary) => ({ canary, minRequests: 1000 }))

test('an A/A rollout at margin 0 is rolled back in at most 5 % of 2,000 runs while the base rate drifts by days', () => {
  const plan = planOf({
    stages: canaries,
    margins: { error: 0, latency: 0, loss: 0 },
    timeoutMs: 1000 * DAY_MS,
  })
  const random = createRandom(7)
  let rolledBack = 0
  for (let run = 0; run < 2000; run++)
    if (simulate(random, plan, { errors: [0.02, 0.02], days: 12, requests: 3000 }).ended === 'roll_back')
      rolledBack++
  expect(rolledBack / 2000).toBeLessThanOrEqual(0.05)
})

test('a candidate that raises errors from 2 to 4 % is rolled back in 99 % by 20,000 requests, half of them by 4,500', () => {
  const plan = planOf({
    stages: [{ canary: 50, minRequests: 1_000_000 }, ...canaries.slice(0, 2)],
    timeoutMs: 1000 * DAY_MS,
  })
  const random = createRandom(8)
  const caughtAt: number[] = []
  for (let run = 0; run < 500; run++) {
    const { ended, candidateRows } = simulate(random, plan, { errors: [0.04, 0.02], days: 7, requests: 500 })
    if (ended === 'roll_back' && candidateRows <= 20_000) caughtAt.push(candidateRows)
  }
  expect(caughtAt.length / 500).toBeGreaterThanOrEqual(0.99)
  expect(caughtAt.sort((a, b) => a - b)[250]).toBeLessThanOrEqual(4500)
})

test('a shadow stage needs its pairs, then goes on when nothing has failed', () => {
  const plan = planOf({ stages: [{ shadow: { minPairs: 500 } }, { canary: 50 }] })
  const counts = new Counts()
  counts.add(0, 'shadow', 'error', 499, 0)
  counts.add(0, 'stable', 'error', 499, 0)
  expect(look(plan, 0, counts).step.action).toBe('wait')
  counts.add(0, 'shadow', 'error', 1, 0)
  expect(look(plan, 0, counts).step.action).toBe('advance')
})

test('paired losses of the shadow stage let a better candidate be promoted from the last canary', () => {
  const plan = planOf({ stages: [{ shadow: { minPairs: 500 } }, { canary: 50, minRequests: 500 }] })
  const counts = new Counts()
  counts.add(0, 'shadow', 'pair_loss_diff', 2000, -60, 2000 * 0.02)
  counts.add(1, 'canary', 'error', 600, 0)
  counts.add(1, 'stable', 'error', 600, 0)
  const judged = look(plan, 1, counts)
  expect(judged.step.action).toBe('promote')
  const named = { candidate: 'late/3', stable: 'late/1', plan }
  expect(sentenceOf(judged.step, judged, 1, named)).toMatch(
    /^Promoted late\/3 over late\/1 after 600 requests: log loss is better by 0\.030 \[0\.0\d+, 0\.0\d+\], margin 0\.010\.$/,
  )
})

test('without labels nothing is promoted: the rollout is held, and rolled back at its time limit', () => {
  const plan = planOf({ stages: [{ canary: 50, minRequests: 500 }], timeoutMs: DAY_MS })
  const counts = new Counts()
  counts.add(0, 'canary', 'error', 5000, 0)
  counts.add(0, 'stable', 'error', 5000, 0)
  expect(look(plan, 0, counts).step).toMatchObject({ action: 'hold', why: 'unproven' })
  const late = look(plan, 0, counts, { nowMs: DAY_MS })
  expect(late.step).toMatchObject({ action: 'roll_back', why: 'expired' })
  expect(sentenceOf(late.step, late, 0, { candidate: 'late/2', stable: 'late/1', plan })).toBe(
    'Rolled back late/2 to late/1: 24 hours have passed and no rows tell of its log loss (5,000 requests in this stage).',
  )
})

test('a loss that is much worse is rolled back with its interval and margin', () => {
  const plan = planOf({ stages: [{ canary: 50, minRequests: 500 }], margins: { loss: 0.02 } })
  const counts = new Counts()
  counts.add(0, 'canary', 'error', 612, 0)
  counts.add(0, 'stable', 'error', 640, 0)
  counts.add(0, 'canary', 'loss', 612, 612 * 0.9, 612 * 1.2)
  counts.add(0, 'stable', 'loss', 640, 640 * 0.49, 640 * 0.4)
  const judged = look(plan, 0, counts)
  expect(judged.step).toMatchObject({ action: 'roll_back', why: 'fail' })
  expect(sentenceOf(judged.step, judged, 0, { candidate: 'late/4', stable: 'late/3', plan })).toMatch(
    /^Rolled back late\/4 to late\/3 after 612 requests: log loss is worse by 0\.41 \[0\.\d\d, 0\.\d\d\], margin 0\.020\.$/,
  )
})

test('a candidate that fails every request is rolled back within ten of them by its absolute limit', () => {
  const plan = planOf({ stages: [{ canary: 5 }] })
  const counts = new Counts()
  counts.add(0, 'canary', 'error', 10, 10)
  counts.add(0, 'stable', 'error', 190, 0)
  expect(look(plan, 0, counts).step).toMatchObject({ action: 'roll_back', why: 'limit' })
})

test('a split that is not the planned one holds the rollout, since it proves nothing', () => {
  const plan = planOf({ stages: [{ canary: 50, minRequests: 500 }, { canary: 50 }] }, false)
  const counts = new Counts()
  counts.add(0, 'canary', 'error', 1000, 0)
  counts.add(0, 'stable', 'error', 1400, 0)
  const judged = look(plan, 0, counts)
  expect(judged.step).toMatchObject({ action: 'hold', why: 'split' })
  expect(sentenceOf(judged.step, judged, 0, { candidate: 'late/2', stable: 'late/1', plan })).toContain(
    'where 50.0 % was planned',
  )
})

test('an interval is told from its near end to its far end, whichever side is better', () => {
  const plan = planOf({ stages: [{ canary: 50 }] })
  const verdict = {
    stage: 0,
    metric: 'error',
    verdict: 'continue',
    paired: false,
    margin: 0.005,
    alpha: 0.01,
    difference: -0.01,
    lower: -0.02,
    upper: 0.001,
    rows: { candidate: 10, stable: 10 },
  } as const
  expect(describeVerdict(verdict, plan)).toBe('error rate is lower by 1.00 points [-0.10, 2.00], margin 0.50')
})
