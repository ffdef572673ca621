import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { dataset } from '../data/definition.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { files } from '../sources/definition.ts'
import { entity, featureService, featureView, resolveService } from '../features/definition.ts'
import { buildTrainingSet } from './training-set.ts'

const analytics = openDuckDb()
const folder = mkdtempSync(join(tmpdir(), 'tidemill-windows-'))
afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const dataFile = (name: string): string =>
  fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')))

const LANDED = 'date + to_minutes(CAST(30 + distance / 8 AS BIGINT))'
const flights = dataset('flights', {
  source: files('*.parquet'),
  time: 'date',
  knownAt: { delay: { sql: LANDED, within: '12h' } },
})
const airport = entity('airport', { key: 'origin' })
const windowed = featureView('delays', {
  entity: airport,
  dataset: flights,
  key: ['origin', 'destination'],
  windows: ['1h', '3h'],
  aggregate: { delay: { mean: 'delay' }, late_share: { share: { delay: { above: 15 } } } },
  ttl: '9h',
})
const window = (hours: number): string =>
  `w${hours} AS (PARTITION BY airport ORDER BY landed_at RANGE BETWEEN INTERVAL ${hours * 3_600_000 - 1} MILLISECONDS PRECEDING AND CURRENT ROW)`
/** The view of the example project, but that its windows leave out their first moment, as declared windows do. */
const bySql = featureView('delays_sql', {
  entity: airport,
  dataset: flights,
  sql: `
    WITH landed AS (SELECT *, ${LANDED} AS landed_at FROM dataset), touched AS (
      SELECT origin AS airport, delay, landed_at FROM landed
      UNION ALL SELECT destination, delay, landed_at FROM landed)
    SELECT airport AS origin, landed_at AS event_time,
      avg(delay) OVER w1 AS a1, avg(delay) OVER w3 AS a3,
      avg(CAST(delay > 15 AS INTEGER)) OVER w1 AS b1, avg(CAST(delay > 15 AS INTEGER)) OVER w3 AS b3
    FROM touched WINDOW ${window(1)}, ${window(3)}`,
  ttl: '9h',
  features: { a1: 'number', a3: 'number', b1: 'number', b3: 'number' },
})

it('gives at each landing of a week of flights what the same windows in SQL give', async () => {
  const service = featureService('s', [windowed, bySql])
  const definitions = { entities: [airport], views: [windowed, bySql], onDemand: [], services: [service] }
  const target = join(folder, 'flights.parquet')
  const file = quoteLiteral(dataFile('flights-3m.parquet'))
  const { rows } = await buildTrainingSet(
    analytics,
    {
      spec: resolveService(service, definitions, [flights]),
      spine: { sql: `SELECT origin, ${LANDED} AS landed FROM flights WHERE date >= TIMESTAMP '2001-01-03'` },
      eventTime: 'landed',
      datasets: {
        flights: { scan: `SELECT * FROM ${file} WHERE date < TIMESTAMP '2001-01-08'`, time: 'date' },
      },
      withAges: true,
    },
    { snapshotDirectory: folder, target },
  )
  expect(rows).toBeGreaterThan(70_000)
  const [different] = await analytics.query(`
    SELECT count(*) AS n, count(delay_1h) AS present FROM ${quoteLiteral(target)}
    WHERE (delay_1h, delay_3h, late_share_1h, late_share_3h) IS DISTINCT FROM (a1, a3, b1, b3)
      OR delays__age_ms IS DISTINCT FROM delays_sql__age_ms`)
  expect(different).toEqual({ n: 0, present: 0 })
  const [present] = await analytics.query(`SELECT count(delay_1h) AS n FROM ${quoteLiteral(target)}`)
  expect(present).toEqual({ n: rows })
}, 60_000)

it('refuses rows that are known later than their dataset promises', async () => {
  const hasty = dataset('flights', {
    source: files('*.parquet'),
    time: 'date',
    knownAt: { delay: { sql: LANDED, within: '1h' } },
  })
  const service = featureService('s', [windowed])
  const definitions = { entities: [airport], views: [windowed], onDemand: [], services: [service] }
  const built = buildTrainingSet(
    analytics,
    {
      spec: resolveService(service, definitions, [hasty]),
      spine: { sql: 'SELECT origin, date FROM flights' },
      eventTime: 'date',
      datasets: {
        flights: {
          scan: `SELECT * FROM ${quoteLiteral(dataFile('flights-3m.parquet'))} LIMIT 1000`,
          time: 'date',
        },
      },
      withAges: false,
    },
    { snapshotDirectory: folder, target: join(folder, 'hasty.parquet') },
  )
  await expect(built).rejects.toThrow('delays: a value of delay is known later than 3600000 ms after its row')
})

it('gives each day of Seattle’s weather the days of its kind over the last month', async () => {
  const weather = dataset('weather', {
    source: files('*.csv'),
    time: 'date',
    knownAt: { temp_max: { after: '1d' } },
  })
  const kind = entity('kind', { key: 'weather' })
  const view = featureView('recent', {
    entity: kind,
    dataset: weather,
    windows: ['30d'],
    aggregate: {
      days: { count: '*' },
      warmest: { max: 'temp_max' },
      wind: { mean: 'wind', where: { precipitation: 0 } },
    },
  })
  const service = featureService('s', [view])
  const definitions = { entities: [kind], views: [view], onDemand: [], services: [service] }
  const target = join(folder, 'weather.parquet')
  const scan = `SELECT CAST(date AS TIMESTAMP) AS date, precipitation, temp_max, wind, weather FROM read_csv(${quoteLiteral(dataFile('seattle-weather.csv'))})`
  await buildTrainingSet(
    analytics,
    {
      spec: resolveService(service, definitions, [weather]),
      spine: {
        sql: `SELECT date, kind AS weather FROM weather, (SELECT DISTINCT weather AS kind FROM weather)`,
      },
      eventTime: 'date',
      datasets: { weather: { scan, time: 'date' } },
      withAges: false,
    },
    { snapshotDirectory: folder, target },
  )
  const [different] = await analytics.query(`
    WITH days AS (${scan}), found AS (SELECT * FROM ${quoteLiteral(target)}),
    expected AS (
      SELECT f.date, f.weather, count(d.date) AS days, max(d.temp_max) AS warmest,
        avg(d.wind) FILTER (WHERE d.precipitation = 0) AS wind
      FROM found f LEFT JOIN days d
        ON d.weather = f.weather AND d.date + INTERVAL 1 DAY <= f.date AND d.date + INTERVAL 31 DAYS > f.date
      GROUP BY ALL)
    SELECT count(*) AS n, count(*) FILTER (WHERE f.days_30d IS DISTINCT FROM e.days AND NOT (f.days_30d IS NULL AND e.days = 0)
      OR f.warmest_30d IS DISTINCT FROM e.warmest
      OR abs(f.wind_30d - e.wind) > 1e-9 OR (f.wind_30d IS NULL) <> (e.wind IS NULL)) AS different, sum(e.days) AS counted
    FROM found f JOIN expected e USING (date, weather)`)
  expect(different).toMatchObject({ n: 1461 * 5, different: 0 })
  expect(Number(different!['counted'])).toBeGreaterThan(40_000)
})
