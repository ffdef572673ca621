import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { beforeAll, expect, test } from 'vitest'
import { calibrateDays, judgeCalibrated } from './blocks.ts'
import type { DayValue } from './blocks.ts'

const file = fileURLToPath(
  new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url),
)

type Day = DayValue & { date: string }

let days: Day[]

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(
    `SELECT strftime(date, '%m-%d') AS day, avg((delay > 15)::int) AS late, count(*)::double AS rows
     FROM read_parquet('${file}') WHERE date < '2001-07-01' GROUP BY 1 ORDER BY 1`,
  )
  days = reader.getRows().map(([date, value, rows], day) => ({
    day,
    date: String(date),
    value: Number(value),
    rows: Number(rows),
  }))
  connection.closeSync()
  instance.closeSync()
})

/** Last days of the windows after January whose late share falls outside limits made from January's days. */
function outside(window: number, budgetDays: number, scale: 'identity' | 'logit' = 'identity'): string[] {
  const calibration = calibrateDays(days.slice(0, 31), { scale })
  const found: string[] = []
  for (let end = 31 + window; end <= days.length; end++) {
    const judged = judgeCalibrated(calibration, days.slice(end - window, end), 0.05, { budgetDays })
    if (judged.alert) found.push(`${days[end - 1]!.date} ${judged.outside}`)
  }
  return found
}

test("January's days differ far more than independent flights would", () => {
  expect(days).toHaveLength(181)
  const { mean, betweenSd, autocorrelation } = calibrateDays(days.slice(0, 31))
  expect(mean).toBeCloseTo(0.205, 3)
  expect(betweenSd).toBeCloseTo(0.069, 2)
  expect(autocorrelation).toBeGreaterThan(0.3)
  const independent = Math.sqrt((mean * (1 - mean)) / 16_000)
  expect(betweenSd / independent).toBeGreaterThan(20)
})

test('with one false alarm in 30 days the first day outside is 16 February, and six of 150 days are', () => {
  expect(outside(1, 30)).toEqual([
    '02-16 above',
    '02-24 above',
    '02-25 above',
    '04-06 above',
    '04-12 above',
    '06-15 above',
  ])
})

test('with one false alarm in 90 days almost nothing in five months falls outside', () => {
  expect(outside(1, 90)).toEqual(['02-25 above'])
  expect(outside(3, 90).length).toBeLessThanOrEqual(2)
  expect(outside(1, 90, 'logit').length).toBeLessThanOrEqual(2)
  expect(outside(3, 90, 'logit').length).toBeLessThanOrEqual(2)
})

test('limits for independent flights would call most of January itself abnormal', () => {
  const { mean } = calibrateDays(days.slice(0, 31))
  const reach = 3 * Math.sqrt((mean * (1 - mean)) / 2000)
  const flagged = days.slice(0, 31).filter((day) => Math.abs(day.value - mean) > reach)
  expect(flagged.length).toBeGreaterThan(15)
})
