import { expect, test } from 'vitest'
import { alphaSplit } from './confidence-sequence.ts'
import { createRandom, randomBinomial, randomNormal } from './random.ts'
import type { Random } from './random.ts'
import { combineStages, judgeHarm, judgePaired } from './two-arm.ts'
import type { HarmRule, Stage } from './two-arm.ts'

/** Four stages and two metrics share the error probability of one rollout. */
const ALPHA = alphaSplit(0.05, 4 * 2)
const SHARES = [0.01, 0.05, 0.25, 0.5]

function emptyStage(): Stage {
  return { candidate: { n: 0, sum: 0, sumSq: 0 }, stable: { n: 0, sum: 0, sumSq: 0 } }
}

/** `requests` more requests of which a share goes to the candidate, each arm with its error rate. */
function serve(random: Random, stage: Stage, requests: number, share: number, rates: [number, number]): void {
  const toCandidate = randomBinomial(random, requests, share)
  for (const [arm, n, rate] of [
    [stage.candidate, toCandidate, rates[0]],
    [stage.stable, requests - toCandidate, rates[1]],
  ] as const) {
    const errors = randomBinomial(random, n, rate)
    arm.n += n
    arm.sum += errors
    arm.sumSq += errors
  }
}

function share(runs: number, happens: (run: number) => boolean): number {
  let count = 0
  for (let run = 0; run < runs; run++) if (happens(run)) count++
  return count / runs
}

test.each([0.002, 0.02, 0.3])(
  'an A/A canary at margin 0 and error rate %f rolls back in at most .05 of 2,000 runs',
  (rate) => {
    const random = createRandom(1)
    const rule: HarmRule = { margin: 0, alpha: 0.05, kind: 'proportion' }
    const rolledBack = share(2000, () => {
      const stage = emptyStage()
      for (let look = 0; look < 20; look++) {
        serve(random, stage, 2000, 0.5, [rate, rate])
        if (judgeHarm({ ...rule, ...stage }).verdict === 'fail') return true
      }
      return false
    })
    expect(rolledBack).toBeLessThanOrEqual(0.05)
  },
)

/** One rollout of an identical candidate, day by day, while the base rate rises from 2 to 4 % and days differ. */
function driftingRollout(random: Random, judge: (stages: readonly Stage[]) => boolean): boolean {
  const stages: Stage[] = []
  for (let index = 0; index < SHARES.length; index++) {
    stages.push(emptyStage())
    for (let day = 0; day < 3; day++) {
      const rate = (0.02 + (0.02 * (index * 3 + day)) / 11) * Math.exp(0.3 * randomNormal(random))
      for (let look = 0; look < 2; look++) {
        serve(random, stages[index]!, 5000, SHARES[index]!, [rate, rate])
        if (judge(stages)) return true
      }
    }
  }
  return false
}

test('an A/A canary at margin 0 on drifting day-blocked data rolls back in at most 5 % of runs', () => {
  const random = createRandom(2)
  const withinStages = share(2000, () =>
    driftingRollout(
      random,
      (stages) =>
        judgeHarm({ margin: 0, alpha: alphaSplit(0.05, 4), kind: 'proportion', ...stages.at(-1)! })
          .verdict === 'fail',
    ),
  )
  const combined = share(2000, () =>
    driftingRollout(
      random,
      (stages) => combineStages(stages, { margin: 0, alpha: 0.05, kind: 'proportion' }).verdict === 'fail',
    ),
  )
  expect(withinStages).toBeLessThanOrEqual(0.05)
  expect(combined).toBeLessThanOrEqual(0.05)
})

test('pooling the stages instead would roll back most of those canaries', () => {
  const random = createRandom(3)
  const pooled = share(200, () =>
    driftingRollout(random, (stages) => {
      const sum = emptyStage()
      for (const stage of stages)
        for (const arm of ['candidate', 'stable'] as const) {
          sum[arm].n += stage[arm].n
          sum[arm].sum += stage[arm].sum
          sum[arm].sumSq += stage[arm].sumSq
        }
      return judgeHarm({ margin: 0, alpha: 0.05, kind: 'proportion', ...sum }).verdict === 'fail'
    }),
  )
  expect(pooled).toBeGreaterThan(0.5)
})

test('a regression from 2 to 4 % errors is caught in 99 % by 20,000 requests an arm, half of them by 4,500', () => {
  const random = createRandom(4)
  const caughtAt: number[] = []
  const caught = share(2000, () => {
    const stage = emptyStage()
    while (stage.candidate.n < 20_000) {
      serve(random, stage, 400, 0.5, [0.04, 0.02])
      if (judgeHarm({ margin: 0.005, alpha: ALPHA, kind: 'proportion', ...stage }).verdict !== 'fail')
        continue
      caughtAt.push(stage.candidate.n)
      return true
    }
    return false
  })
  expect(caught).toBeGreaterThanOrEqual(0.99)
  expect(caughtAt.sort((a, b) => a - b)[1000]).toBeLessThanOrEqual(4500)
})

test('a harm of just the margin passes in at most α of the runs, with rare errors and a small arm too', () => {
  const random = createRandom(5)
  for (const [stable, split] of [
    [0.02, 0.5],
    [0.02, 0.05],
    [0.2, 0.5],
    [0.0005, 0.05],
  ] as const) {
    const passed = share(400, () => {
      const stage = emptyStage()
      for (let look = 0; look < 20; look++) {
        serve(random, stage, 1000 / split, split, [stable + 0.005, stable])
        if (judgeHarm({ margin: 0.005, alpha: 0.05, kind: 'proportion', ...stage }).verdict === 'pass')
          return true
      }
      return false
    })
    expect(passed).toBeLessThanOrEqual(0.05)
  }
})

test('a candidate that always fails is stopped within thirty requests, long before the minimum', () => {
  const stage: Stage = {
    candidate: { n: 25, sum: 25, sumSq: 25 },
    stable: { n: 25, sum: 0, sumSq: 0 },
  }
  expect(judgeHarm({ margin: 0.005, alpha: ALPHA, kind: 'proportion', ...stage }).verdict).toBe('fail')
})

test('no errors in either arm pass, but not at once', () => {
  const clean = (n: number) =>
    judgeHarm({
      margin: 0.005,
      alpha: ALPHA,
      kind: 'proportion',
      candidate: { n, sum: 0, sumSq: 0 },
      stable: { n, sum: 0, sumSq: 0 },
    }).verdict
  expect([clean(500), clean(1000), clean(3000)]).toEqual(['continue', 'continue', 'pass'])
})

test('a mean loss is judged on its variance, and says nothing before the minimum', () => {
  const random = createRandom(6)
  const stage = emptyStage()
  const add = (shift: number) => {
    for (const [arm, by] of [
      [stage.candidate, shift],
      [stage.stable, 0],
    ] as const)
      for (let i = 0; i < 400; i++) {
        const loss = 0.5 + by + 0.3 * randomNormal(random)
        arm.n++
        arm.sum += loss
        arm.sumSq += loss * loss
      }
  }
  const rule: HarmRule = { margin: 0.02, alpha: ALPHA, kind: 'mean' }
  add(1)
  expect(judgeHarm({ ...rule, ...stage })).toMatchObject({ verdict: 'continue', lower: null, upper: null })
  add(1)
  expect(judgeHarm({ ...rule, ...stage }).verdict).toBe('fail')
})

test('a stage without a second arm adds nothing, and no stages say nothing', () => {
  const rule: HarmRule = { margin: 0.005, alpha: 0.05, kind: 'proportion' }
  const full: Stage = { candidate: { n: 4000, sum: 80, sumSq: 80 }, stable: { n: 4000, sum: 80, sumSq: 80 } }
  const alone: Stage = { candidate: { n: 0, sum: 0, sumSq: 0 }, stable: { n: 9000, sum: 900, sumSq: 900 } }
  expect(combineStages([full, alone], rule)).toEqual(combineStages([full], rule))
  expect(combineStages([], rule)).toMatchObject({ verdict: 'continue', estimate: 0, n: 0 })
})

test('a shadow is judged on pairs, with far fewer rows than two arms would need', () => {
  const random = createRandom(7)
  const differences = { n: 0, sum: 0, sumSq: 0 }
  for (let i = 0; i < 2000; i++) {
    const difference = 0.05 + 0.1 * randomNormal(random)
    differences.n++
    differences.sum += difference
    differences.sumSq += difference * difference
  }
  const rule = { margin: 0.02, alpha: ALPHA, differences }
  expect(judgePaired(rule).verdict).toBe('fail')
  expect(judgePaired({ ...rule, margin: 0.1 }).verdict).toBe('pass')
  expect(judgePaired({ ...rule, minimum: 5000 })).toMatchObject({ verdict: 'continue', lower: null })
})

test('differences that were all zero so far pass only when the range of the loss allows it', () => {
  const rule = { margin: 0.02, alpha: ALPHA, range: 6.9 }
  const zero = (n: number) => judgePaired({ ...rule, differences: { n, sum: 0, sumSq: 0 } }).verdict
  expect([zero(600), zero(5000)]).toEqual(['continue', 'pass'])
})
