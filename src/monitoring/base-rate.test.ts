import { expect, test } from 'vitest'
import { createRandom, randomNormal, type Random } from '../statistics/random.ts'
import type { DayValue } from '../statistics/blocks.ts'
import { judgeSpread } from './base-rate.ts'

const RULE = { budgetDays: 30, minEffect: 0, sides: 'both', isShare: true } as const

/** Days whose rate wanders like the flights': mean .2, sd .067, correlated with the day before. */
function wander(random: Random, days: number, correlation: number): DayValue[] {
  const rows = 1000
  let effect = randomNormal(random)
  return Array.from({ length: days }, (_, day) => {
    effect = correlation * effect + Math.sqrt(1 - correlation ** 2) * randomNormal(random)
    const rate = Math.min(0.9, Math.max(0.01, 0.2 + 0.067 * effect))
    return { day, rows, value: rate + Math.sqrt((rate * (1 - rate)) / rows) * randomNormal(random) }
  })
}

test.each([0, 0.4])(
  'false alarms of both windows stay within the budget when days correlate by %f',
  (correlation) => {
    const random = createRandom(11)
    let [alarms, judged] = [0, 0]
    for (let run = 0; run < 400; run++) {
      const days = wander(random, 31 + 60, correlation)
      let isOut = false
      for (let last = 33; last < days.length; last++) {
        const { verdict } = judgeSpread(days.slice(0, 31), days.slice(last - 2, last + 1), RULE)
        if (verdict === 'out' && !isOut) alarms++
        isOut = verdict === 'out'
        judged++
      }
    }
    const daysPerAlarm = judged / alarms
    expect(daysPerAlarm).toBeGreaterThanOrEqual(30 * 0.9)
    expect(daysPerAlarm).toBeLessThan(60)
  },
)

test('limits of a share stay between 0 and 1, where the spread reaches further', () => {
  const reference = Array.from({ length: 31 }, (_, day) => ({
    day,
    rows: 1000,
    value: day % 3 ? 0.01 : 0.08,
  }))
  const low = judgeSpread(reference, [{ day: 40, rows: 1000, value: 0 }], RULE)
  expect(low.oneDay).toMatchObject({ lower: 0, outside: null })
  const mirrored = reference.map((day) => ({ ...day, value: 1 - day.value }))
  expect(judgeSpread(mirrored, [{ day: 40, rows: 1000, value: 1 }], RULE).oneDay).toMatchObject({
    upper: 1,
    outside: null,
  })
  const free = judgeSpread(reference, [{ day: 40, rows: 1000, value: 0 }], { ...RULE, isShare: false })
  expect(free.oneDay.lower).toBeLessThan(0)
})

test('limits made for independent rows would raise an alarm every few days', () => {
  const random = createRandom(12)
  const days = wander(random, 200, 0.4)
  const outside = days.filter(({ value, rows }) => Math.abs(value - 0.2) > 3 * Math.sqrt((0.2 * 0.8) / rows))
  expect(outside.length / days.length).toBeGreaterThan(0.4)
})

test('three days that are each within their limits are out together', () => {
  const reference = wander(createRandom(13), 31, 0)
  const high = [0.34, 0.34, 0.34].map((value, index) => ({ day: 100 + index, value, rows: 1000 }))
  const judged = judgeSpread(reference, high, { ...RULE, budgetDays: 60 })
  expect(judged.oneDay.alert).toBe(false)
  expect(judged.threeDay?.alert).toBe(true)
  expect(judged.verdict).toBe('out')
})
