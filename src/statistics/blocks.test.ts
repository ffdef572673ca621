import { expect, test } from 'vitest'
import {
  aucRowVariance,
  calibrateDays,
  describeWindow,
  judgeCalibrated,
  judgeWindow,
  windowLimits,
} from './blocks.ts'
import type { CalibrationOptions, DayValue, LimitOptions } from './blocks.ts'
import { createRandom, randomBinomial, randomNormal } from './random.ts'
import type { Random } from './random.ts'
import { auc } from './ranking.ts'

type World = { sd: number; correlation: number; rows: number }

/** Daily shares around .2 whose day effects follow an AR(1) process, counted from binomial rows. */
function simulate(
  random: Random,
  days: number,
  { sd, correlation, rows }: World,
  laterRows = rows,
  later = days,
) {
  let effect = randomNormal(random)
  return Array.from({ length: days }, (_, day): DayValue => {
    effect = correlation * effect + Math.sqrt(1 - correlation ** 2) * randomNormal(random)
    const own = day < later ? rows : laterRows
    const share = Math.min(0.9, Math.max(0.001, 0.2 + sd * effect))
    return { day, value: randomBinomial(random, own, share) / own, rows: own }
  })
}

/** How many times the allowed number of judgements fell outside, over many references and 60 days after each. */
function falseAlarms(
  world: World,
  { reference, window, laterRows = world.rows }: { reference: number; window: number; laterRows?: number },
  options: LimitOptions & CalibrationOptions,
): number {
  const random = createRandom(1)
  let [outside, judged] = [0, 0]
  for (let run = 0; run < 300; run++) {
    const days = simulate(random, reference + 60, world, laterRows, reference)
    const calibration = calibrateDays(days.slice(0, reference), options)
    for (let start = reference; start + window <= days.length; start++) {
      judged++
      if (judgeCalibrated(calibration, days.slice(start, start + window), 0, options).outside) outside++
    }
  }
  return (outside / judged) * options.budgetDays
}

test('the spread between days is told apart from the sampling of rows', () => {
  const random = createRandom(2)
  const noisy = calibrateDays(simulate(random, 400, { sd: 0.05, correlation: 0.4, rows: 200 }))
  expect(noisy.betweenSd).toBeGreaterThan(0.042)
  expect(noisy.betweenSd).toBeLessThan(0.058)
  expect(noisy.autocorrelation).toBeGreaterThan(0.25)
  expect(noisy.autocorrelation).toBeLessThan(0.55)
  expect(calibrateDays(simulate(random, 400, { sd: 0, correlation: 0, rows: 200 })).betweenSd).toBeLessThan(
    0.012,
  )
})

test.each([
  [7, 1, 0.4],
  [14, 1, 0.4],
  [31, 1, 0.4],
  [31, 1, 0],
  [31, 3, 0.4],
  [31, 7, 0.4],
])(
  'with %i reference days, windows of %i and a correlation of %f, alarms stay within 1.6 times their budget',
  (reference, window, correlation) => {
    const world = { sd: 0.05, correlation, rows: 16_000 }
    expect(falseAlarms(world, { reference, window }, { budgetDays: 60 })).toBeLessThan(1.6)
  },
)

test('a monitored window of few rows gets wider limits, so that its noise raises no alarm', () => {
  const world = { sd: 0.01, correlation: 0.4, rows: 16_000 }
  expect(falseAlarms(world, { reference: 31, window: 1, laterRows: 100 }, { budgetDays: 60 })).toBeLessThan(
    1.3,
  )
  const calibration = calibrateDays(simulate(createRandom(3), 31, world))
  const width = (rows: number): number =>
    windowLimits(calibration, [{ day: 40, rows }], { budgetDays: 60 }).upper!
  expect(width(100)).toBeGreaterThan(width(16_000) + 0.05)
})

test('a real shift of two day-spreads is found within days, not by chance', () => {
  const random = createRandom(4)
  const world = { sd: 0.03, correlation: 0.4, rows: 16_000 }
  let found = 0
  for (let run = 0; run < 200; run++) {
    const days = simulate(random, 38, world).map((day) =>
      day.day < 31 ? day : { ...day, value: day.value + 0.06 },
    )
    const judged = judgeWindow({
      reference: days.slice(0, 31),
      window: days.slice(31, 38),
      budgetDays: 60,
      practicalEffect: 0.02,
    })
    if (judged.alert) found++
  }
  expect(found / 200).toBeGreaterThan(0.55)
})

test('on the logit scale both limits are shares, further away above than below', () => {
  const days = simulate(createRandom(5), 31, { sd: 0.06, correlation: 0.3, rows: 16_000 })
  const calibration = calibrateDays(days, { scale: 'logit' })
  const { lower, upper } = windowLimits(calibration, [{ day: 31, rows: 16_000 }], { budgetDays: 365 })
  expect(lower).toBeGreaterThan(0)
  expect(upper! - 0.2).toBeGreaterThan(0.2 - lower!)
  expect(
    calibrateDays(
      [0, 0, 0.1].map((value, day) => ({ day, value, rows: 100 })),
      { scale: 'logit' },
    ).mean,
  ).toBeLessThan(-3)
})

test('outside the limits is no alert when the effect is too small to matter', () => {
  const reference = Array.from({ length: 20 }, (_, day) => ({
    day,
    value: 0.2 + 0.001 * (day % 3),
    rows: 1e6,
  }))
  const input = { reference, window: [{ day: 20, value: 0.21, rows: 1e6 }], budgetDays: 90 }
  const small = judgeWindow({ ...input, practicalEffect: 0.02 })
  expect(small).toMatchObject({ outside: 'above', alert: false })
  expect(describeWindow(small, 'late share')).toContain('too small to matter')
  expect(judgeWindow({ ...input, practicalEffect: 0.005 }).alert).toBe(true)
  expect(judgeWindow({ ...input, practicalEffect: 0, sides: 'lower' })).toMatchObject({
    outside: null,
    upper: null,
  })
})

test('a judgement reads as one sentence', () => {
  const judged = {
    value: 0.406,
    expected: 0.205,
    lower: 0.039,
    upper: 0.371,
    outside: 'above' as const,
    effect: 0.201,
    alert: true,
    days: 1,
    rows: 17_002,
    budgetDays: 30,
  }
  expect(describeWindow(judged, 'late share')).toBe(
    'late share 0.406 over 1 day (17,002 rows) is above 0.371 (expected 0.205), which days alone do about once in 30 days.',
  )
  expect(describeWindow({ ...judged, outside: null, lower: null }, 'late share')).toBe(
    'late share 0.406 over 1 day (17,002 rows) is what days alone explain (expected 0.205, at most 0.371).',
  )
})

test('fewer than three reference days, or a window without rows, are refused', () => {
  const days = [0, 1, 2].map((day) => ({ day, value: 0.1 * day, rows: 100 }))
  const rule = { budgetDays: 30, practicalEffect: 0 }
  expect(() => judgeWindow({ reference: days.slice(1), window: days, ...rule })).toThrow(
    'at least 3 reference days',
  )
  expect(() => judgeWindow({ reference: days, window: [], ...rule })).toThrow('no rows')
})

test('days without rows or value are left out', () => {
  const days = [0.2, 0.25, 0.22, 0.21].map((value, day) => ({ day, value, rows: 100 }))
  const gaps = [...days, { day: 4, value: Number.NaN, rows: 50 }, { day: 5, value: 0, rows: 0 }]
  expect(calibrateDays(gaps)).toEqual(calibrateDays(days))
  const rule = { reference: days, budgetDays: 30, practicalEffect: 0 }
  expect(judgeWindow({ ...rule, window: gaps })).toEqual(judgeWindow({ ...rule, window: days }))
})

test('the row variance of an AUC is what scores without skill show', () => {
  const random = createRandom(6)
  const rows = 500
  let squares = 0
  for (let run = 0; run < 400; run++) {
    const labels = Uint8Array.from({ length: rows }, () => (random.next() < 0.2 ? 1 : 0))
    const scores = Float64Array.from({ length: rows }, () => random.next())
    squares += (auc(scores, labels) - 0.5) ** 2
  }
  expect(((squares / 400) * rows) / aucRowVariance(0.2)).toBeCloseTo(1, 0)
})
