import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { equalWidthBins, freezeNumericBins } from '../statistics/bins.ts'
import {
  addInto,
  emptyProfile,
  observe,
  observeLabel,
  prepareLayout,
  type Profile,
  type ProfileLayout,
} from '../statistics/profile.ts'
import { judgeSpread, type SpreadJudgement } from './base-rate.ts'
import { judgeDrift, type DriftJudgement } from './drift.ts'
import { qualityOf, referenceRanking, type Quality } from './ranking.ts'
import type { Reference, ReferenceDay } from './reference.ts'

const flights = fileURLToPath(
  new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url),
)
const FIRST = Date.UTC(2001, 0, 1) / 86_400_000
const dayOf = (month: number, day: number): number => Date.UTC(2001, month - 1, day) / 86_400_000

interface Flight {
  day: number
  hour: number
  weekday: string
  distance: number
  late: number
  score: number
}

/** January is the reference; from February on about 1,000 sampled flights a day are what was predicted. */
let reference: Reference
let windows: ReferenceDay[]

beforeAll(async () => {
  await using duckDb = openDuckDb({ memoryLimit: '1GB' })
  // The score is January's late share of the hour and weekday: no learning, and no airport.
  const rows = (await duckDb.query(`
    WITH flight AS (
      SELECT date, origin, destination, distance::DOUBLE AS distance, hour(date) AS hour, dayofweek(date)::VARCHAR AS weekday,
        date_diff('day', DATE '1970-01-01', date::DATE) AS day, (delay > 15)::INT AS late
      FROM ${parquetScan([flights])} WHERE date < TIMESTAMP '2001-04-01'
    ), score AS (
      SELECT hour, weekday, (sum(late) + 4) / (count(*) + 20) AS score FROM flight
      WHERE date < TIMESTAMP '2001-02-01' GROUP BY ALL
    )
    SELECT day, hour, weekday, distance, late, score FROM flight JOIN score USING (hour, weekday)
    WHERE (date < TIMESTAMP '2001-02-01' AND hash(date, origin, destination, distance) % 4 = 0)
       OR (date >= TIMESTAMP '2001-02-01' AND hash(date, origin, destination, distance) % 16 = 1)
  `)) as unknown as Flight[]
  const january = rows.filter(({ day }) => day < FIRST + 31)
  const layout = prepareLayout({
    features: [
      {
        name: 'hour',
        bins: freezeNumericBins(
          january.map(({ hour }) => hour),
          { bins: 24 },
        ),
      },
      { name: 'weekday', bins: { kind: 'category', categories: ['0', '1', '2', '3', '4', '5', '6'] } },
      { name: 'distance', bins: freezeNumericBins(january.map(({ distance }) => distance)) },
    ],
    score: equalWidthBins(0, 1, 200),
    label: { kind: 'category', categories: ['0', '1'] },
  })
  const days = profilesByDay(layout, january)
  const total = emptyProfile(layout)
  for (const { profile } of days) addInto(total, profile)
  reference = { layout, days, total }
  windows = profilesByDay(
    layout,
    rows.filter(({ day }) => day >= FIRST + 31),
  )
}, 60_000)

afterAll(() => {
  windows = []
})

function profilesByDay(layout: ProfileLayout, flown: readonly Flight[]): ReferenceDay[] {
  const days = new Map<number, { rows: number; labelSum: number; profile: Profile }>()
  for (const { day, hour, weekday, distance, late, score } of flown) {
    const known = days.get(day) ?? { rows: 0, labelSum: 0, profile: emptyProfile(layout) }
    days.set(day, known)
    known.rows++
    known.labelSum += late
    observeLabel(
      layout,
      known.profile,
      observe(layout, known.profile, [hour, weekday, distance], score),
      late,
    )
  }
  return [...days].map(([day, found]) => ({ day, ...found })).sort((a, b) => a.day - b.day)
}

function rates(days: readonly ReferenceDay[]): { day: number; value: number; rows: number }[] {
  return days.map(({ day, rows, labelSum }) => ({ day, rows, value: labelSum / rows }))
}

function qualities(): (Quality & { day: number })[] {
  return windows.map(({ day, profile }) => ({ day, ...qualityOf(reference.layout, profile)! }))
}

test('February is sampled at about a thousand flights a day', () => {
  const february = windows.filter(({ day }) => day < dayOf(3, 1))
  expect(february.length).toBe(28)
  for (const { rows } of february) expect(rows).toBeGreaterThan(800)
})

test('the base rate leaves its daily spread on 16 February, and on no day before', () => {
  const values = rates(windows)
  const rule = { budgetDays: 30, minEffect: 0.03, sides: 'both', isShare: true } as const
  const judged = values.map(({ day }, index): [number, SpreadJudgement] => [
    day,
    judgeSpread(rates(reference.days), values.slice(0, index + 1), rule),
  ])
  const out = judged.filter(([, { verdict }]) => verdict === 'out').map(([day]) => day)
  expect(out[0]).toBe(dayOf(2, 16))
  expect(judged.find(([day]) => day === dayOf(2, 16))![1].oneDay.value).toBeGreaterThan(0.38)
})

test('the ranking holds through February and March', () => {
  const { values, rowVariance } = referenceRanking(reference)
  const measured = qualities().map(({ day, auc, positives, negatives }) => ({
    day,
    value: auc,
    rows: positives + negatives,
  }))
  const rule = { budgetDays: 30, minEffect: 0.02, sides: 'lower', isShare: true, rowVariance } as const
  const out = measured.filter(
    (_, index) => judgeSpread(values, measured.slice(0, index + 1), rule).verdict === 'out',
  )
  expect(out).toEqual([])
  const mean = measured.reduce((sum, { value }) => sum + value, 0) / measured.length
  expect(mean).toBeGreaterThan(0.6)
})

test('hour, weekday and distance do not drift from January to March', () => {
  const alarms = windows.flatMap(({ day, profile }) =>
    judgeDrift(reference, profile, { budgetDays: 30, minEffect: 0.05 })
      .filter(({ alert }) => alert)
      .map(({ name }): [number, string] => [day, name]),
  )
  expect(alarms).toEqual([])
})

test('flights that all leave in the evening are a drift of the hour, told in words', () => {
  const { layout } = reference
  const evening = emptyProfile(layout)
  for (let row = 0; row < 1000; row++) observe(layout, evening, [19 + (row % 4), String(row % 7), 500], 0.3)
  const causes: DriftJudgement[] = judgeDrift(reference, evening, {
    budgetDays: 30,
    minEffect: 0.05,
    importance: { hour: 0.8, weekday: 0.1, distance: 0.1, score: 0.1 },
  })
  expect(causes[0]).toMatchObject({ name: 'hour', alert: true })
  expect(causes[0]!.cause).toMatch(/^hour is higher: mean 20\.\d, reference 13\.\d$/)
})
