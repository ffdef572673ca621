import { expect, test } from 'vitest'
import { createRandom, randomBinomial } from './random.ts'
import { sampleRatio } from './sample-ratio.ts'

test('the statistic agrees with a value worked out by hand', () => {
  const found = sampleRatio([480, 520], [1, 1])
  expect([found.statistic, found.df]).toEqual([1.6, 1])
  expect(found.pValue).toBeCloseTo(0.20590321, 7)
  expect(found.mismatch).toBe(false)
})

test('a fair split is called a mismatch about once in a thousand times', () => {
  const random = createRandom(1)
  let mismatches = 0
  for (let run = 0; run < 10_000; run++) {
    const canary = randomBinomial(random, 20_000, 0.05)
    if (sampleRatio([canary, 20_000 - canary], [5, 95]).mismatch) mismatches++
  }
  expect(mismatches).toBeLessThan(25)
})

test('a lost tenth of one arm is a mismatch', () => {
  expect(sampleRatio([10_000, 9000], [1, 1]).mismatch).toBe(true)
})

test('rows in an arm that should have none are a mismatch, and no rows are none', () => {
  expect(sampleRatio([100, 1], [1, 0]).mismatch).toBe(true)
  expect(sampleRatio([0, 0], [1, 1]).mismatch).toBe(false)
})
