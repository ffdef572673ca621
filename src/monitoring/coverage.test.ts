import { expect, test } from 'vitest'
import { servesAllDay } from './coverage.ts'

const hour = (startMs: number, version: number, rows: number, variant = 'stable') => ({
  startMs,
  version,
  rows,
  variant,
})

test('a version that answers every hour serves all day', () => {
  expect(servesAllDay([hour(0, 1, 50), hour(1, 1, 20), hour(2, 1, 60)], 1)).toBe(true)
})

test('a version that became stable at noon does not serve all day', () => {
  expect(servesAllDay([hour(0, 1, 50), hour(1, 1, 50), hour(2, 2, 50), hour(3, 2, 50)], 2)).toBe(false)
})

test('a version beside a canary of a steady share serves all day', () => {
  const hours = [0, 1, 2].flatMap((start) => [hour(start, 1, 25), hour(start, 2, 25, 'canary')])
  expect(servesAllDay(hours, 1)).toBe(true)
})

test('what a shadow answers and hours with few rows do not count', () => {
  expect(servesAllDay([hour(0, 1, 50), hour(0, 2, 50, 'shadow'), hour(1, 2, 3), hour(2, 1, 50)], 1)).toBe(
    true,
  )
})
