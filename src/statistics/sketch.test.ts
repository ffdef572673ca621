import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  SKETCH_ERROR,
  addToSketch,
  decodeSketch,
  emptySketch,
  encodeSketch,
  mergeSketch,
  sketchQuantile,
  sketchRows,
  sketchShareAbove,
} from './sketch.ts'
import type { Sketch } from './sketch.ts'

const latencies = fc.array(fc.double({ min: 0.001, max: 9e6, noNaN: true }), { minLength: 1 })

function sketchOf(values: readonly number[]): Sketch {
  const sketch = emptySketch()
  for (const value of values) addToSketch(sketch, value)
  return sketch
}

test('any quantile is within 1 % of the exact one', () => {
  fc.assert(
    fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, p) => {
      const exact = values.toSorted((a, b) => a - b)[Math.floor(p * (values.length - 1))]!
      const found = sketchQuantile(sketchOf(values), p)
      expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * SKETCH_ERROR * 1.000001)
    }),
  )
})

test('merged sketches equal the sketch of everything, and bytes decode to what was encoded', () => {
  fc.assert(
    fc.property(latencies, latencies, (a, b) => {
      const merged = sketchOf(a)
      mergeSketch(merged, sketchOf(b))
      expect(merged).toEqual(sketchOf([...a, ...b]))
      expect(decodeSketch(encodeSketch(merged))).toEqual(merged)
      expect(sketchRows(merged)).toBe(a.length + b.length)
    }),
  )
})

test('values out of range are counted at the ends, and NaN not at all', () => {
  const sketch = sketchOf([0, -1, 1e9, Number.NaN])
  expect(sketchRows(sketch)).toBe(3)
  expect([sketchQuantile(sketch, 0), sketchQuantile(sketch, 1)]).toEqual([0, 1e7])
  expect(sketchQuantile(emptySketch(), 0.5)).toBeNaN()
})

test('the share above a limit counts the slow ones', () => {
  expect(sketchShareAbove(sketchOf([1, 2, 3, 200]), 100)).toBe(0.25)
})

test('bytes of another version are refused', () => {
  expect(() => decodeSketch(Uint8Array.of(2, 0))).toThrow('version 2')
})
