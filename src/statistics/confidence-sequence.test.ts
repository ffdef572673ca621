import { expect, test } from 'vitest'
import {
  START_ROWS,
  alphaSplit,
  differenceSequence,
  pairedSequence,
  sequenceRadius,
  tuneRhoSquared,
} from './confidence-sequence.ts'
import type { Moments } from './confidence-sequence.ts'
import { createRandom, randomNormal } from './random.ts'

function add(moments: Moments, value: number): void {
  moments.n++
  moments.sum += value
  moments.sumSq += value * value
}

test('the radius is the published formula', () => {
  const [n, sd, alpha, rho2] = [2000, 0.3, 0.05, 1 / 2000]
  const expected =
    sd *
    Math.sqrt(((2 * (n * rho2 + 1)) / (n * n * rho2)) * Math.log(1 + Math.sqrt(n * rho2 + 1) / (2 * alpha)))
  expect(sequenceRadius(n, sd, alpha, rho2)).toBeCloseTo(expected, 14)
  expect(sequenceRadius(0, sd, alpha, rho2)).toBe(Infinity)
})

test('the tuned parameter is within a few per cent of the tightest one', () => {
  for (const alpha of [0.05, 0.01, 0.05 / 12]) {
    const tuned = sequenceRadius(5000, 1, alpha, tuneRhoSquared(alpha, 5000))
    const best = Math.min(
      ...Array.from({ length: 200 }, (_, i) => sequenceRadius(5000, 1, alpha, 1e-5 * 1.05 ** i)),
    )
    expect(tuned / best).toBeLessThan(1.03)
  }
})

test.each(['normal', 'skewed'])(
  'looked at every hundred rows, a bound misses a %s mean in at most 5 of 100 runs',
  (shape) => {
    const random = createRandom(1)
    const draw = () => (shape === 'normal' ? randomNormal(random) : -Math.log(1 - random.next()) - 1)
    const options = { alpha: 0.05, rhoSquared: tuneRhoSquared(0.05, 5000) }
    let [above, below] = [0, 0]
    const runs = 500
    for (let run = 0; run < runs; run++) {
      const moments = { n: 0, sum: 0, sumSq: 0 }
      let [missedAbove, missedBelow] = [false, false]
      while (moments.n < 5000) {
        for (let i = 0; i < 100; i++) add(moments, draw())
        if (moments.n < START_ROWS) continue
        const { lower, upper } = pairedSequence(moments, options)
        missedAbove ||= lower > 0
        missedBelow ||= upper < 0
      }
      if (missedAbove) above++
      if (missedBelow) below++
    }
    expect(above / runs).toBeLessThanOrEqual(0.05)
    expect(below / runs).toBeLessThanOrEqual(0.05)
  },
)

test('the difference of two arms of equal size is as wide as that of their pairs', () => {
  const options = { alpha: 0.05, rhoSquared: 1 / 2000 }
  const arm = { n: 1000, sum: 0, sumSq: 999 }
  const pairs = { n: 1000, sum: 0, sumSq: 2 * 999 }
  expect(differenceSequence(arm, arm, options).upper).toBeCloseTo(pairedSequence(pairs, options).upper, 12)
})

test('fewer than two rows say nothing', () => {
  const options = { alpha: 0.05, rhoSquared: 1 / 2000 }
  expect(pairedSequence({ n: 1, sum: 1, sumSq: 1 }, options).upper).toBe(Infinity)
  expect(differenceSequence({ n: 0, sum: 0, sumSq: 0 }, { n: 9, sum: 1, sumSq: 1 }, options).lower).toBe(
    -Infinity,
  )
})

test('α is shared out evenly', () => {
  expect(alphaSplit(0.05, 4)).toBe(0.0125)
  expect(alphaSplit(0.05, 0)).toBe(0.05)
})
