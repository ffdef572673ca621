import { expect, it } from 'vitest'
import { vegaFile } from '../../test/real-datasets.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import type { Column } from '../sources/schema.ts'
import { presentSummary } from './buckets.ts'
import { summarise } from './scan.ts'
import { mergeSummaries } from './state.ts'

const FLIGHTS: readonly Column[] = [
  { name: 'date', type: 'TIMESTAMP' },
  { name: 'delay', type: 'BIGINT' },
  { name: 'distance', type: 'BIGINT' },
  { name: 'origin', type: 'VARCHAR' },
  { name: 'flight', type: 'VARCHAR' },
]

/** Flights of January 2001; `flight` has nearly as many values as there are rows, the two most frequent far above the others. */
const SCAN = `SELECT date, delay::BIGINT AS delay, distance::BIGINT AS distance, origin,
    CASE WHEN origin = 'ATL' THEN 'from Atlanta' WHEN origin = 'ORD' THEN '' ELSE strftime(date, '%j%H%M') || destination || delay END AS flight
  FROM read_parquet(${quoteLiteral(vegaFile('flights-3m.parquet'))}) WHERE date < '2001-02-01'`

async function one(analytics: ReturnType<typeof openDuckDb>, sql: string): Promise<Record<string, number>> {
  const [row] = await analytics.query(sql)
  return row as Record<string, number>
}

/** flights-3m.parquet of vega-datasets, 489,000 rows of it. */
it('agrees with exact queries on half a million flights, also where it samples', async () => {
  await using analytics = openDuckDb({ memoryLimit: '500MB' })
  await using session = await analytics.session()
  const { rows, columns, duplicates, correlations } = presentSummary(await summarise(session, SCAN, FLIGHTS))
  const exact = await one(
    analytics,
    `SELECT count(*) AS rows, corr(delay, distance) AS r,
       (SELECT corr(a, b) FROM (SELECT rank() OVER (ORDER BY delay) + (count(*) OVER (PARTITION BY delay) - 1) / 2 AS a,
          rank() OVER (ORDER BY distance) + (count(*) OVER (PARTITION BY distance) - 1) / 2 AS b FROM (${SCAN}))) AS ranked, count(DISTINCT date) AS dates, count(DISTINCT flight) AS flights,
       count(*) FILTER (WHERE delay = 0) AS zeros, count(*) FILTER (WHERE delay < 0) AS negatives,
       avg(length(flight)) AS length, max(length(flight)) AS longest, count(*) FILTER (WHERE flight = '') AS empty,
       count(*) FILTER (WHERE isodow(date) = 1) AS mondays, count(*) FILTER (WHERE hour(date) = 23) AS late,
       count(*) FILTER (WHERE flight = 'from Atlanta') AS atlanta FROM (${SCAN})`,
  )
  expect(rows).toBe(exact['rows'])
  const [date, delay, , origin, flight] = columns
  expect(correlations).toEqual([
    {
      x: 'delay',
      y: 'distance',
      pearson: expect.closeTo(exact['r']!, 9),
      spearman: expect.any(Number),
      spearmanExact: false,
      rows,
    },
  ])
  // Of 2,048 rows, with a standard error of 2.2 %.
  expect(Math.abs(correlations[0]!.spearman! - exact['ranked']!)).toBeLessThan(0.07)
  expect(delay!.numbers).toEqual({ zeros: exact['zeros'], negatives: exact['negatives'], notFinite: 0 })
  // The k smallest of 256 hashes: a standard error of 6 %.
  expect(Math.abs(date!.distinct / exact['dates']! - 1)).toBeLessThan(0.25)
  expect(Math.abs(flight!.distinct / exact['flights']! - 1)).toBeLessThan(0.25)
  expect(origin).toMatchObject({ distinct: 223, distinctExact: true })
  expect(flight!.top.slice(0, 2)).toEqual([
    { value: '', count: exact['empty'] },
    { value: 'from Atlanta', count: exact['atlanta'] },
  ])
  expect(flight!.lengths).toEqual({
    min: 0,
    max: exact['longest'],
    mean: expect.closeTo(exact['length']!, 9),
    empty: exact['empty'],
  })
  expect(date!.dates!.weekdays[0]).toBe(exact['mondays'])
  expect(date!.dates!.hours![23]).toBe(exact['late'])
  expect(date!.dates).toMatchObject({ emptyDays: 0, gaps: [] })
  const repeated = await one(
    analytics,
    `SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM (${SCAN}))) AS n FROM (${SCAN})`,
  )
  expect(duplicates!.exact).toBe(false)
  expect(duplicates!.standardError).toBeGreaterThan(0)
  expect(Math.abs(duplicates!.rows - repeated['n']!)).toBeLessThan(4 * duplicates!.standardError)
})

it('adds up: a week and the rest are the month', async () => {
  await using analytics = openDuckDb({ memoryLimit: '500MB' })
  await using session = await analytics.session()
  const of = (where: string) => summarise(session, `SELECT * FROM (${SCAN}) WHERE ${where}`, FLIGHTS)
  const merged = mergeSummaries(await of(`date < '2001-01-08'`), await of(`date >= '2001-01-08'`))
  const whole = await of('true')
  expect(merged.smallestRows).toEqual(whole.smallestRows)
  expect(merged.engine).toBe(whole.engine)
  for (const [index, column] of merged.columns.entries()) {
    const { moments, top, ...rest } = column
    const { moments: exact, top: counted, ...other } = whole.columns[index]!
    expect(rest).toEqual(other)
    if (moments) {
      expect(moments.mean).toBeCloseTo(exact!.mean, 9)
      expect(moments.m2 / exact!.m2).toBeCloseTo(1, 9)
    }
    // Of many different values only the frequent ones are held, and those are right.
    expect(top.slice(0, 2)).toEqual(counted.slice(0, 2))
  }
  const [pair, expected] = [merged.pairs![0]!, whole.pairs![0]!]
  expect(pair.count).toBe(expected.count)
  expect(pair.c / expected.c).toBeCloseTo(1, 9)
})

/** movies.json and stocks.csv of vega-datasets: nulls, and months without days between. */
it('tells nulls, gaps of dates and rows that repeat', async () => {
  await using analytics = openDuckDb()
  await using session = await analytics.session()
  const movies = `SELECT "US Gross"::BIGINT AS us, "Worldwide Gross"::BIGINT AS world, "IMDB Rating"::DOUBLE AS rating, Title::VARCHAR AS title
    FROM read_json(${quoteLiteral(vegaFile('movies.json'))}, sample_size = -1)`
  const columns: Column[] = [
    { name: 'us', type: 'BIGINT' },
    { name: 'world', type: 'BIGINT' },
    { name: 'rating', type: 'DOUBLE' },
    { name: 'title', type: 'VARCHAR' },
  ]
  const twice = presentSummary(await summarise(session, `${movies} UNION ALL (${movies} LIMIT 100)`, columns))
  const exact = await one(
    analytics,
    `SELECT corr(us, rating) AS r, regr_count(us, rating) AS n, (SELECT count(*) FROM (SELECT DISTINCT * FROM (${movies}))) AS distinct,
       count(*) AS rows FROM (${movies} UNION ALL (${movies} LIMIT 100))`,
  )
  const pair = twice.correlations.find(({ x, y }) => x === 'us' && y === 'rating')
  expect(pair).toMatchObject({
    x: 'us',
    y: 'rating',
    pearson: expect.closeTo(exact['r']!, 9),
    rows: exact['n'],
  })
  const repeated = exact['rows']! - exact['distinct']!
  expect(Math.abs(twice.duplicates!.rows - repeated)).toBeLessThanOrEqual(4 * twice.duplicates!.standardError)
  const stocks = `SELECT strptime(date, '%b %-d %Y')::DATE AS day FROM read_csv(${quoteLiteral(vegaFile('stocks.csv'))}) WHERE symbol = 'IBM'`
  const summary = presentSummary(await summarise(session, stocks, [{ name: 'day', type: 'DATE' }]))
  const { dates } = summary.columns[0]!
  expect(dates!.hours).toBeNull()
  expect(dates!.weekdays.reduce((sum, count) => sum + count, 0)).toBe(summary.rows)
  expect(dates!.emptyDays).toBe((Date.UTC(2010, 2, 1) - Date.UTC(2000, 0, 1)) / 86_400_000 + 1 - summary.rows)
  expect(dates!.gaps[0]).toEqual({ fromMs: Date.UTC(2000, 0, 2), toMs: Date.UTC(2000, 1, 1) })
  expect(summary.duplicates).toEqual({ rows: 0, exact: true, standardError: 0 })
})

it('estimates no more distinct values than there are rows', async () => {
  await using analytics = openDuckDb()
  await using session = await analytics.session()
  const names = Array.from({ length: 20 }, (_, index) => `c${index}`)
  const ids = `SELECT ${names.map((name, index) => `i * 20 + ${index} AS ${name}`).join(', ')} FROM range(2000) r(i)`
  const columns: Column[] = names.map((name) => ({ name, type: 'BIGINT' }))
  const summary = presentSummary(await summarise(session, ids, columns))
  const estimates = summary.columns.map(({ distinct }) => distinct)
  expect(Math.max(...estimates)).toBe(2000)
  expect(Math.min(...estimates)).toBeGreaterThan(1500)
})
