import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { freezeNumericBins } from './bins.ts'
import {
  binnedMoments,
  chiSquare,
  compareCounts,
  expectedPsi,
  hellinger,
  jensenShannon,
  kolmogorovSmirnov,
  largestDifference,
  psi,
  totalVariation,
  wasserstein,
} from './divergence.ts'
import { createRandom } from './random.ts'

const counts = fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 })

function draw(rows: number, random: () => number, cells = 10): Float64Array {
  const result = new Float64Array(cells)
  for (let i = 0; i < rows; i++) result[Math.floor(random() * cells)]!++
  return result
}

test('every distance is 0 between equal shares and symmetric', () => {
  fc.assert(
    fc.property(counts, counts, (p, q) => {
      for (const distance of [jensenShannon, hellinger, totalVariation, largestDifference, psi]) {
        expect(distance(p, q)).toBeCloseTo(distance(q, p), 10)
        expect(distance(p, p)).toBeCloseTo(0, 7)
      }
    }),
  )
})

test('disjoint distributions are at distance 1', () => {
  for (const distance of [jensenShannon, hellinger, totalVariation, largestDifference])
    expect(distance([5, 0], [0, 7])).toBeCloseTo(1, 12)
})

test('the distances agree with values worked out by hand', () => {
  const [p, q] = [
    [50, 50],
    [75, 25],
  ]
  expect(totalVariation(p, q)).toBeCloseTo(0.25, 12)
  expect(hellinger(p, q)).toBeCloseTo(Math.sqrt(1 - Math.sqrt(0.5 * 0.75) - Math.sqrt(0.5 * 0.25)), 12)
  expect(psi([5e6, 5e6], [7.5e6, 2.5e6])).toBeCloseTo(0.25 * Math.log(3), 5)
  const { statistic, df, cramersV } = chiSquare(p, q)
  expect([statistic, df]).toEqual([expect.closeTo(13.3333333, 6), 1])
  expect(cramersV).toBeCloseTo(Math.sqrt(13.3333333 / 200), 6)
})

test('without a change PSI averages its null expectation and χ² rejects at its level', () => {
  const random = createRandom(1)
  let [sum, rejected] = [0, 0]
  for (let i = 0; i < 1000; i++) {
    const [p, q] = [draw(2000, random.next), draw(500, random.next)]
    sum += psi(p, q) / expectedPsi(p, q)
    if (chiSquare(p, q).pValue < 0.05) rejected++
  }
  expect(Math.abs(sum / 1000 - 1)).toBeLessThan(0.05)
  expect(Math.abs(rejected / 1000 - 0.05)).toBeLessThan(0.025)
})

test('χ² merges cells that are too thin to be judged', () => {
  expect(chiSquare([100, 1, 0, 2, 100], [100, 0, 1, 1, 100]).df).toBe(1)
  expect(chiSquare([3], [4])).toEqual({ statistic: 0, df: 0, pValue: 1, cramersV: 0 })
  expect(chiSquare([0, 0], [4, 5]).pValue).toBe(1)
})

test('binned Kolmogorov–Smirnov is the largest gap of the two distribution functions', () => {
  expect(kolmogorovSmirnov([10, 10, 10, 10], [0, 20, 10, 10]).distance).toBeCloseTo(0.25, 12)
  expect(kolmogorovSmirnov([500, 500], [400, 600]).pValue).toBeCloseTo(8.5e-5, 5)
})

test('a shifted uniform is as far away as its shift', () => {
  const edges = Array.from({ length: 11 }, (_, i) => i)
  const p = [0, ...Array<number>(5).fill(10), 0, 0, 0, 0, 0, 0]
  const q = [0, 0, 0, ...Array<number>(5).fill(10), 0, 0, 0, 0]
  expect(wasserstein(p, q, edges)).toBeCloseTo(2, 12)
  expect(binnedMoments(p, edges)).toEqual({ mean: 2.5, sd: expect.closeTo(Math.sqrt(25 / 12), 10) })
})

test('the Wasserstein distance satisfies the triangle inequality', () => {
  const edges = [0, 1, 3, 4, 10]
  fc.assert(
    fc.property(counts, counts, counts, (a, b, c) => {
      fc.pre([a, b, c].every((cells) => cells.some((count) => count > 0)))
      expect(wasserstein(a, c, edges)).toBeLessThanOrEqual(
        wasserstein(a, b, edges) + wasserstein(b, c, edges) + 1e-9,
      )
    }),
  )
})

test('a comparison tells missing and out-of-range values apart from a shift', () => {
  const bins = freezeNumericBins([0, 1, 2, 3])
  const comparison = compareCounts([0, 0, 0, 5, 5, 5, 5, 0], [4, 6, 0, 5, 5, 5, 5, 10], bins)
  expect(comparison.missing).toEqual({ reference: 0, current: 0.25 })
  expect(comparison.outside).toEqual({ reference: 0, current: 0.25 })
  expect(comparison.ordered?.kolmogorovSmirnov.distance).toBeCloseTo(1 / 3, 12)
  expect(compareCounts([0, 0], [0, 0], { kind: 'category', categories: [] }).psi).toBe(0)
})
