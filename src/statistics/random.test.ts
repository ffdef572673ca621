import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createRandom,
  randomBinomial,
  randomInteger,
  randomNormal,
  randomPoisson,
  shuffle,
} from './random.ts'

const ascending = (a: number, b: number): number => a - b

function momentsOf(draw: () => number, draws = 40_000): { mean: number; variance: number } {
  let [sum, squares] = [0, 0]
  for (let i = 0; i < draws; i++) {
    const value = draw()
    sum += value
    squares += value * value
  }
  return { mean: sum / draws, variance: squares / draws - (sum / draws) ** 2 }
}

test('the same seed gives the same stream, another seed another one', () => {
  const stream = (seed: number): number[] => {
    const random = createRandom(seed)
    return Array.from({ length: 5 }, () => random.uint32())
  }
  expect(stream(42)).toEqual(stream(42))
  expect(stream(42)).not.toEqual(stream(43))
})

test('uniform and normal numbers have their mean and variance', () => {
  const random = createRandom(1)
  const uniform = momentsOf(() => random.next())
  expect(Math.abs(uniform.mean - 0.5)).toBeLessThan(0.006)
  expect(Math.abs(uniform.variance - 1 / 12)).toBeLessThan(0.002)
  const normal = momentsOf(() => randomNormal(random))
  expect(Math.abs(normal.mean)).toBeLessThan(0.02)
  expect(Math.abs(normal.variance - 1)).toBeLessThan(0.03)
})

test.each([
  [10, 0.3],
  [1000, 0.002],
  [1000, 0.4],
  [50_000, 0.98],
])('binomial counts of n = %i, p = %f have their mean and variance', (n, p) => {
  const random = createRandom(2)
  const { mean, variance } = momentsOf(() => randomBinomial(random, n, p))
  const expected = n * p * (1 - p)
  expect(Math.abs(mean - n * p)).toBeLessThan(5 * Math.sqrt(expected / 40_000))
  expect(Math.abs(variance / expected - 1)).toBeLessThan(0.04)
})

test.each([0.5, 9, 11, 400])('Poisson counts of mean %f have that mean and variance', (expected) => {
  const random = createRandom(3)
  const { mean, variance } = momentsOf(() => randomPoisson(random, expected))
  expect(Math.abs(mean - expected)).toBeLessThan(5 * Math.sqrt(expected / 40_000))
  expect(Math.abs(variance / expected - 1)).toBeLessThan(0.06)
})

test('a shuffle keeps every item and puts each one first about equally often', () => {
  const random = createRandom(4)
  fc.assert(
    fc.property(fc.array(fc.integer()), (items) => {
      expect(shuffle(random, [...items]).sort(ascending)).toEqual(items.toSorted(ascending))
    }),
  )
  const first = new Uint32Array(5)
  for (let i = 0; i < 10_000; i++) first[shuffle(random, [0, 1, 2, 3, 4])[0]!]!++
  for (const count of first) expect(Math.abs(count - 2000)).toBeLessThan(200)
})

test('random integers stay below their bound', () => {
  const random = createRandom(5)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 }), (below) => {
      const draw = randomInteger(random, below)
      expect(Number.isInteger(draw) && draw >= 0 && draw < below).toBe(true)
    }),
  )
})
