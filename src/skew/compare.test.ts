import { expect, it } from 'vitest'
import { agrees } from './compare.ts'
import { statesAt } from './explain.ts'

it('takes numbers within a relative tolerance for the same, and null only for null', () => {
  expect(agrees('number', 12.3, 12.3 * (1 + 1e-9), 1e-6)).toBe(true)
  expect(agrees('number', 12.3, 12.31, 1e-6)).toBe(false)
  expect(agrees('number', 0, 1e-13, 0)).toBe(true)
  expect(agrees('number', 0, 1e-3, 0.5)).toBe(false)
  expect(agrees('number', null, 0, 1)).toBe(false)
  expect(agrees('category', 'ATL', 'atl', 1)).toBe(false)
  expect(agrees('category', null, '', 1)).toBe(false)
  expect(agrees('timestamp', 1_000_000_000_000, 1_000_000_000_001, 0.1)).toBe(false)
  expect(agrees('timestamp', null, null, 0)).toBe(true)
})

it('takes what was online at a moment, all of one moment, and the state that followed', () => {
  const state = (atMs: number, cursorMs: number) => ({
    atMs,
    cursorMs,
    datasetVersionId: 'v',
    newestEventMs: null,
  })
  const states = [state(10, 1), state(20, 2), state(20, 3), state(30, 4), state(40, 5)]
  const cursors = (timeMs: number) => statesAt(states, timeMs).map(({ cursorMs }) => cursorMs)
  expect(cursors(25)).toEqual([2, 3, 4])
  expect(cursors(20)).toEqual([2, 3, 4])
  expect(cursors(5)).toEqual([1])
  expect(cursors(50)).toEqual([5])
})
