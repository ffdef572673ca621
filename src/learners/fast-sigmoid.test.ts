import { expect, test } from 'vitest'
import { fastSigmoid } from './fast-sigmoid.ts'
import { sigmoid } from './losses.ts'

test('the fast sigmoid is the sigmoid', () => {
  for (let score = -45; score <= 45; score += 0.0137) {
    const exact = sigmoid(score)
    expect(Math.abs(fastSigmoid(score) - exact)).toBeLessThanOrEqual(1e-13 * exact + 1e-17)
  }
  expect(fastSigmoid(0)).toBe(0.5)
  expect(fastSigmoid(Infinity)).toBeCloseTo(1, 15)
  expect(fastSigmoid(-Infinity)).toBeCloseTo(0, 15)
})
