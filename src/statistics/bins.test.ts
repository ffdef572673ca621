import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  binIndex,
  cellLabels,
  equalWidthBins,
  freezeCategoryBins,
  freezeNumericBins,
  prepareBins,
} from './bins.ts'
import type { FrozenBins } from './bins.ts'

function edgesOf(bins: FrozenBins): readonly number[] {
  return bins.kind === 'number' ? bins.edges : []
}

test('a few distinct values each get a bin of their own', () => {
  const sample = Array.from({ length: 700 }, (_, i) => i % 7)
  expect(edgesOf(freezeNumericBins(sample))).toEqual([0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6])
  const flag = prepareBins(freezeNumericBins([...Array<number>(999).fill(0), 1]))
  expect([binIndex(flag, 0), binIndex(flag, 1)]).toEqual([3, 4])
})

test('a constant has one bin, and other values lie below or above it', () => {
  const bins = freezeNumericBins([5, 5, 5])
  const prepared = prepareBins(bins)
  expect(edgesOf(bins)).toEqual([5, 5])
  expect([4.9, 5, 5.1, Number.NaN, null].map((value) => binIndex(prepared, value))).toEqual([2, 3, 4, 1, 0])
})

test('bins of a smooth sample hold about equal counts', () => {
  const sample = Float64Array.from({ length: 10_000 }, (_, i) => Math.exp(i / 2000))
  const bins = prepareBins(freezeNumericBins(sample, { bins: 20 }))
  const counts = new Uint32Array(bins.cells)
  for (const value of sample) counts[binIndex(bins, value)]!++
  expect(bins.cells).toBe(24)
  for (const count of counts.slice(3, 23)) expect(Math.abs(count - 500)).toBeLessThanOrEqual(5)
})

test('a value that holds most of the sample does not swallow its neighbours', () => {
  const sample = Float64Array.from({ length: 1000 }, (_, i) => (i < 800 ? 0 : i - 900))
  const bins = prepareBins(freezeNumericBins(sample, { bins: 10 }))
  const cells = new Set([-1, 0, 1].map((value) => binIndex(bins, value)))
  expect(cells.size).toBe(3)
  expect(bins.cells).toBeGreaterThanOrEqual(11)
})

test('any sample freezes to rising edges, and all of it lies inside them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }),
      fc.integer({ min: 1, max: 30 }),
      (sample, count) => {
        const bins = freezeNumericBins(sample, { bins: count })
        const edges = edgesOf(bins)
        for (let i = 1; i + 1 < edges.length; i++) expect(edges[i]!).toBeGreaterThan(edges[i - 1]!)
        expect(edges.length - 1).toBeLessThanOrEqual(count)
        const prepared = prepareBins(bins)
        for (const value of sample) {
          const cell = binIndex(prepared, value)
          expect(cell >= 3 && cell < prepared.cells - 1).toBe(true)
        }
      },
    ),
  )
})

test('the cell of a number is the one a linear search finds', () => {
  const bins = equalWidthBins(0, 1, 200)
  const edges = edgesOf(bins)
  const prepared = prepareBins(bins)
  fc.assert(
    fc.property(
      fc.oneof(fc.double({ min: -0.1, max: 1.1, noNaN: true }), fc.constantFrom(...edges)),
      (value) => {
        const last = edges.length - 1
        const upper = edges.findIndex((edge) => value < edge)
        const expected = value > edges[last]! ? last + 3 : upper < 0 ? last + 2 : upper + 2
        expect(binIndex(prepared, value)).toBe(expected)
      },
    ),
  )
})

test('the most frequent categories are kept, the others and new ones are unseen', () => {
  const bins = freezeCategoryBins(
    [
      ['ORD', 5],
      ['ATL', 9],
      ['LAX', 5],
    ],
    { max: 2 },
  )
  const prepared = prepareBins(bins)
  expect(bins).toEqual({ kind: 'category', categories: ['ATL', 'LAX'] })
  expect(['ATL', 'LAX', 'ORD', '', null].map((value) => binIndex(prepared, value))).toEqual([2, 3, 1, 1, 0])
})

test('numbers, booleans and bigints find their category by their text, and NaN is null', () => {
  const prepared = prepareBins({ kind: 'category', categories: ['1', 'true'] })
  expect([1, 1n, true, Number.NaN, {}].map((value) => binIndex(prepared, value))).toEqual([2, 2, 3, 0, 1])
})

test('numeric bins take booleans and bigints as numbers and text as NaN', () => {
  const prepared = prepareBins(equalWidthBins(0, 2, 2))
  expect([true, 2n, '1', undefined, Infinity, -Infinity].map((value) => binIndex(prepared, value))).toEqual([
    4, 4, 1, 0, 5, 2,
  ])
})

test('every cell has a label', () => {
  for (const bins of [equalWidthBins(0, 1, 4), freezeCategoryBins([['a', 1]]), freezeNumericBins([2])])
    expect(cellLabels(bins)).toHaveLength(prepareBins(bins).cells)
  expect(cellLabels(freezeNumericBins([2]))).toEqual(['null', 'NaN', '< 2', '2', '> 2'])
})
