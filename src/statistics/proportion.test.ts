import { expect, test } from 'vitest'
import {
  clopperPearson,
  differenceEvidence,
  differenceProportionSequence,
  proportionSequence,
} from './proportion.ts'
import { createRandom, randomBinomial } from './random.ts'

test('Clopper–Pearson bounds agree with tabulated ones', () => {
  const found = clopperPearson({ successes: 3, n: 100 })
  expect(found.lower).toBeCloseTo(0.00622997, 8)
  expect(found.upper).toBeCloseTo(0.08517605, 8)
  expect(clopperPearson({ successes: 0, n: 20 }).upper).toBeCloseTo(1 - 0.025 ** (1 / 20), 10)
  expect(clopperPearson({ successes: 20, n: 20 })).toEqual({
    lower: expect.closeTo(0.025 ** (1 / 20), 10),
    upper: 1,
  })
  expect(clopperPearson({ successes: 0, n: 0 })).toEqual({ lower: 0, upper: 1 })
})

test('zero errors do not mean zero width', () => {
  expect(proportionSequence({ successes: 0, n: 1000 }, 0.05).upper).toBeGreaterThan(0.003)
  expect(proportionSequence({ successes: 0, n: 1000 }, 0.05).upper).toBeLessThan(0.01)
  const none = { successes: 0, n: 5000 }
  const { lower, upper } = differenceProportionSequence([{ candidate: none, stable: none }], 0.05)
  expect(upper).toBeGreaterThan(0.0006)
  expect(upper).toBeLessThan(0.003)
  expect(lower).toBeCloseTo(-upper, 10)
})

test.each([0.0005, 0.02, 0.5, 0.99])(
  'looked at every 100 rows, the sequence misses a rate of %f in at most 5 of 100 runs',
  (rate) => {
    const random = createRandom(1)
    let missed = 0
    for (let run = 0; run < 400; run++) {
      const tally = { successes: 0, n: 0 }
      let out = false
      while (tally.n < 5000 && !out) {
        tally.successes += randomBinomial(random, 100, rate)
        tally.n += 100
        const { lower, upper } = proportionSequence(tally, 0.05)
        out = rate < lower || rate > upper
      }
      if (out) missed++
    }
    expect(missed / 400).toBeLessThanOrEqual(0.05)
  },
)

test.each([
  [0.001, 0.001, 0.5],
  [0.02, 0.03, 0.05],
  [0.4, 0.3, 0.5],
])(
  'evidence against the true difference of %f and %f stays below 1/α in 95 of 100 runs',
  (stable, candidate, share) => {
    const random = createRandom(2)
    let refuted = 0
    for (let run = 0; run < 500; run++) {
      const arms = { candidate: { successes: 0, n: 0 }, stable: { successes: 0, n: 0 } }
      let worst = -Infinity
      for (let look = 0; look < 50; look++) {
        const rows = Math.round(400 * share)
        arms.candidate.successes += randomBinomial(random, rows, candidate)
        arms.candidate.n += rows
        arms.stable.successes += randomBinomial(random, 400 - rows, stable)
        arms.stable.n += 400 - rows
        worst = Math.max(worst, differenceEvidence([arms], candidate - stable))
      }
      if (worst >= Math.log(20)) refuted++
    }
    expect(refuted / 500).toBeLessThanOrEqual(0.05)
  },
)

test('the bounds of a difference are where the evidence reaches 1/α', () => {
  const stages = [
    { candidate: { successes: 30, n: 500 }, stable: { successes: 100, n: 5000 } },
    { candidate: { successes: 0, n: 40 }, stable: { successes: 7, n: 40 } },
  ]
  const { lower, upper } = differenceProportionSequence(stages, 0.01)
  expect(lower).toBeLessThan(upper)
  for (const bound of [lower, upper]) expect(differenceEvidence(stages, bound)).toBeCloseTo(Math.log(100), 1)
})

test('an arm of all errors against none is refuted within a few dozen rows', () => {
  const arms = { candidate: { successes: 15, n: 15 }, stable: { successes: 0, n: 15 } }
  expect(differenceProportionSequence([arms], 0.0005).lower).toBeGreaterThan(0.005)
})
