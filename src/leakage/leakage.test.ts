import { afterAll, describe, expect, it } from 'vitest'
import { dataset } from '../data/definition.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { files } from '../sources/definition.ts'
import {
  entity,
  featureService,
  featureView,
  requestFeatures,
  resolveService,
  resolveView,
} from '../features/definition.ts'
import { requireKnownInTime, requireKnownSpine } from './leakage.ts'

const analytics = openDuckDb()
afterAll(() => analytics[Symbol.asyncDispose]())

const LANDED = 'date + to_minutes(CAST(30 + distance / 8 AS BIGINT))'
const flights = dataset('flights', {
  source: files('*.parquet'),
  time: 'date',
  knownAt: { delay: { column: 'landed' }, fine: { after: '2h' }, fuel: { sql: LANDED } },
})
const airport = entity('airport', { key: 'origin' })

function viewOf(sql: string, options: { createdTimestamp?: string } = {}) {
  const features = { x: 'number' } as const
  const view = featureView('v', { entity: airport, dataset: flights, sql, ttl: '1d', features, ...options })
  return resolveView(view, [airport], [flights])
}

const recent = (order: string, frame = 'RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW'): string =>
  `OVER (PARTITION BY origin ORDER BY ${order} ${frame})`

describe('a feature view by SQL', () => {
  for (const [why, sql, options] of [
    ['reads nothing that is known late', 'SELECT origin, date AS event_time, distance AS x FROM dataset'],
    [
      'is of the moment when the value is known',
      'SELECT origin, landed AS event_time, delay AS x FROM dataset',
    ],
    ['waits longer', "SELECT origin, landed + INTERVAL '10 minutes' AS event_time, delay AS x FROM dataset"],
    [
      'waits as long as it takes',
      'SELECT origin, date + INTERVAL 2 HOURS AS event_time, fine AS x FROM dataset',
    ],
    [
      'waits a day for what takes two hours',
      'SELECT origin, INTERVAL 1 DAY + CAST(date AS TIMESTAMP) AS event_time, fine AS x FROM dataset',
    ],
    [
      'writes the moment as the dataset does',
      `SELECT origin, ${LANDED} AS event_time, fuel AS x FROM dataset`,
    ],
    [
      'says when the row became known',
      'SELECT origin, date AS event_time, landed AS known, delay AS x FROM dataset',
      { createdTimestamp: 'known' },
    ],
    [
      'aggregates what has landed',
      `SELECT origin, landed AS event_time, avg(delay) ${recent('landed')} AS x FROM dataset`,
    ],
    [
      'groups by the hour of the landing, when that is over',
      "SELECT origin, date_trunc('hour', landed) + INTERVAL 1 HOUR AS event_time, avg(delay) AS x FROM dataset WHERE delay > 0 GROUP BY ALL HAVING count(*) > 3",
    ],
    [
      'groups by quarters of an hour',
      "SELECT origin, time_bucket(INTERVAL '15 minutes', landed) + INTERVAL 15 MINUTES AS event_time, avg(delay) AS x FROM dataset GROUP BY 1, 2",
    ],
    [
      'groups by the day, and orders a window of these',
      'SELECT origin, CAST(landed AS DATE) + INTERVAL 1 DAY AS event_time, sum(max(delay)) OVER (PARTITION BY origin ORDER BY CAST(landed AS DATE) + INTERVAL 1 DAY) AS x FROM dataset GROUP BY 1, 2',
    ],
    [
      'takes the later of two moments that are always there',
      'SELECT origin, greatest(date, date + INTERVAL 2 HOURS) AS event_time, fine AS x FROM dataset',
    ],
    [
      'takes the later of two moments, where there are both',
      'SELECT origin, CASE WHEN landed IS NOT NULL THEN greatest(landed, date + INTERVAL 2 HOURS) END AS event_time, delay + fine AS x FROM dataset',
    ],
    [
      'goes through WITH, UNION ALL and other names',
      `
      WITH landed AS (SELECT *, ${LANDED} AS landed_at FROM dataset),
      touched AS (SELECT origin AS airport, fuel, landed_at FROM landed UNION ALL SELECT destination, fuel, landed_at FROM landed)
      SELECT airport AS origin, landed_at AS event_time, avg(fuel) OVER w AS x FROM touched
      WINDOW w AS (PARTITION BY airport ORDER BY landed_at RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW)`,
    ],
    [
      'overwrites the column',
      'SELECT origin, date AS event_time, delay AS x FROM (SELECT * REPLACE (0 AS delay) FROM dataset)',
    ],
    [
      'joins rows of other tables of the query',
      'SELECT a.origin, a.landed AS event_time, a.delay AS x FROM dataset a JOIN (SELECT 1 AS one) b ON b.one = 1',
    ],
    [
      'cannot be followed and names no such column',
      'SELECT origin, date AS event_time, distance AS x FROM dataset LIMIT 5',
    ],
  ] as const) {
    it(`is taken when it ${why}`, async () => {
      await requireKnownInTime(analytics, [viewOf(sql, options)])
    })
  }

  for (const [why, sql, message] of [
    [
      'uses a value at once',
      'SELECT origin, date AS event_time, delay AS x FROM dataset',
      'The feature view v uses delay for x before it is known: it is known at landed (knownAt of flights), and event_time may be before that',
    ],
    [
      'waits too short',
      'SELECT origin, date + INTERVAL 1 HOUR AS event_time, fine AS x FROM dataset',
      'uses fine for x before it is known: it is known at date plus 7200000 ms',
    ],
    [
      'computes with it',
      'SELECT origin, date AS event_time, CASE WHEN d.delay > 15 THEN 1 ELSE 0 END AS x FROM dataset d',
      'uses delay for x',
    ],
    [
      'chooses rows by it',
      'SELECT origin, date AS event_time, distance AS x FROM dataset WHERE delay > 15',
      'uses delay for which rows there are',
    ],
    [
      'keeps rows by the time of landing',
      'SELECT origin, date AS event_time, distance AS x FROM dataset WHERE landed IS NOT NULL',
      'uses landed for which rows there are',
    ],
    [
      'subtracts from the moment',
      'SELECT origin, landed - INTERVAL 1 MINUTE AS event_time, delay AS x FROM dataset',
      'uses delay',
    ],
    [
      'rounds the moment down',
      "SELECT origin, date_trunc('hour', landed) AS event_time, delay AS x FROM dataset",
      'uses delay',
    ],
    [
      'cuts the moment to its day',
      'SELECT origin, CAST(landed AS DATE) AS event_time, delay AS x FROM dataset',
      'uses delay',
    ],
    [
      'takes the earlier of two moments',
      'SELECT origin, least(date, landed) AS event_time, delay AS x FROM dataset',
      'uses delay',
    ],
    [
      'orders a window by departure',
      `SELECT origin, landed AS event_time, avg(delay) ${recent('date')} AS x FROM dataset`,
      'reads delay, known at landed (knownAt of flights), and that it does so in time cannot be seen through a window that is not ordered by the moment when delay is known',
    ],
    [
      'looks ahead in a window',
      `SELECT origin, landed AS event_time, avg(delay) ${recent('landed', 'ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING')} AS x FROM dataset`,
      'cannot be seen through a window',
    ],
    [
      'looks ahead by a negative offset',
      `SELECT origin, landed AS event_time, avg(delay) ${recent('landed', 'ROWS BETWEEN 1 PRECEDING AND -1 PRECEDING')} AS x FROM dataset`,
      'cannot be seen through a window',
    ],
    [
      'takes the next value',
      `SELECT origin, landed AS event_time, lead(delay) ${recent('landed', '')} AS x FROM dataset`,
      'cannot be seen through a window',
    ],
    [
      'lags backwards',
      `SELECT origin, landed AS event_time, lag(delay, -1) ${recent('landed', '')} AS x FROM dataset`,
      'cannot be seen through a window',
    ],
    [
      'goes back in a window',
      `SELECT origin, landed AS event_time, avg(delay) ${recent('landed DESC', 'ROWS 1 PRECEDING')} AS x FROM dataset`,
      'cannot be seen through a window',
    ],
    [
      'has the window of another time than its rows',
      `SELECT origin, date AS event_time, avg(delay) ${recent('landed')} AS x FROM dataset`,
      'uses delay for x',
    ],
    [
      'takes the later of two moments, which is the other one where a value never becomes known',
      'SELECT origin, greatest(date, landed) AS event_time, delay AS x FROM dataset',
      'uses delay for x',
    ],
    [
      'lets the window be of a moment that may be null',
      `SELECT origin, greatest(date, landed) AS event_time, avg(delay) ${recent('landed')} AS x FROM dataset`,
      'uses delay for x',
    ],
    [
      'aggregates everything',
      'SELECT origin, landed AS event_time, avg(delay) OVER () AS x FROM dataset',
      'cannot be seen through a window',
    ],
    [
      'groups, of the time of the first',
      'SELECT origin, min(landed) AS event_time, avg(delay) AS x FROM dataset GROUP BY origin',
      'uses delay for x before it is known: it is known at landed (knownAt of flights), and event_time may be before that. Select the moment when it is known as "event_time", or as a createdTimestamp, or write the view with aggregate or row, which wait by themselves. Groups wait when they are made by the moment itself',
    ],
    [
      'groups, of the last of some',
      'SELECT origin, max(landed) FILTER (WHERE distance > 5) AS event_time, avg(delay) AS x FROM dataset GROUP BY origin',
      'uses delay for x',
    ],
    [
      'groups, of the last, which overlooks what never lands',
      'SELECT origin, max(landed) AS event_time, avg(delay) AS x FROM dataset GROUP BY origin',
      'uses delay for x',
    ],
    [
      'groups by the hour, of its beginning',
      "SELECT origin, date_trunc('hour', landed) AS event_time, avg(delay) AS x FROM dataset GROUP BY ALL",
      'Groups wait when they are made by the moment itself',
    ],
    [
      'groups by departure',
      'SELECT origin, date + INTERVAL 1 HOUR AS event_time, count(*) AS x FROM dataset WHERE delay > 15 GROUP BY origin, date',
      'uses delay for x',
    ],
    [
      'groups by the value',
      'SELECT origin, date AS event_time, count(*) AS x FROM dataset GROUP BY origin, date, delay > 15',
      'uses delay for x',
    ],
    [
      'groups by subsets',
      'SELECT origin, landed AS event_time, avg(delay) AS x FROM dataset GROUP BY ROLLUP (origin, landed)',
      'cannot be seen through GROUPING SETS',
    ],
    [
      'counts what was chosen by it in a window of departures',
      `SELECT origin, landed AS event_time, count(*) ${recent('date')} AS x FROM dataset WHERE delay > 15`,
      'cannot be seen through a window',
    ],
    [
      'is not null where one of two moments is',
      'SELECT origin, CASE WHEN date IS NOT NULL THEN greatest(date, landed) END AS event_time, delay AS x FROM dataset',
      'greatest overlooks nulls: write CASE WHEN',
    ],
    [
      'is of a moment in one part of a UNION only',
      'SELECT origin, landed AS event_time, delay AS x FROM dataset UNION ALL SELECT origin, date, delay FROM dataset',
      'uses delay for x',
    ],
    [
      'hides it behind an alias',
      'SELECT origin, date AS event_time, delay AS d, d * 2 AS x FROM dataset',
      'uses delay for x',
    ],
    [
      'joins another row',
      'SELECT a.origin, a.landed AS event_time, b.delay AS x FROM dataset a JOIN dataset b ON a.origin = b.origin',
      'uses delay for x',
    ],
    [
      'takes the moment of another row',
      'SELECT a.origin, b.landed AS event_time, a.delay AS x FROM dataset a, dataset b',
      'uses delay for x',
    ],
    [
      'reads it in a subquery',
      'SELECT origin, landed AS event_time, (SELECT max(delay) FROM dataset) AS x FROM dataset',
      'cannot be seen through a subquery',
    ],
    [
      'takes the best of all',
      'SELECT origin, landed AS event_time, delay AS x FROM dataset ORDER BY delay DESC LIMIT 10',
      'cannot be seen through LIMIT',
    ],
    [
      'takes one of each',
      'SELECT DISTINCT ON (origin) origin, landed AS event_time, delay AS x FROM dataset ORDER BY delay',
      'cannot be seen through DISTINCT ON',
    ],
    [
      'takes all columns',
      "SELECT origin, date AS event_time, list_sum([COLUMNS('f.*')]) AS x FROM dataset",
      'cannot be seen through COLUMNS',
    ],
    ['is no SELECT', 'SELEC 1', 'The feature view v is no single SELECT'],
  ] as const) {
    it(`is refused when it ${why}`, async () => {
      await expect(requireKnownInTime(analytics, [viewOf(sql)])).rejects.toThrow(message)
    })
  }
})

describe('the spine of a training set', () => {
  const service = featureService('s', [requestFeatures({ distance: 'number', delay: 'number' })])
  const spec = resolveService(service, { entities: [], views: [], onDemand: [], services: [service] }, [])
  const source = viewOf('SELECT origin, date AS event_time, 1 AS x FROM dataset').source!
  const check = (sql: string, eventTime = 'date'): Promise<void> =>
    analytics
      .session()
      .then((session) =>
        requireKnownSpine(session, spec, { sql, eventTime, tables: new Map([['flights', source]]) }),
      )

  it('may have a label that is known later, and columns that are known', async () => {
    await check(
      'SELECT date, distance, 0 AS delay, flights.delay > 15 AS label FROM flights WHERE flights.delay IS NOT NULL',
    )
    await check('SELECT landed, distance, delay FROM flights', 'landed')
    await check(`SELECT s.* REPLACE (make_timestamp(m.moment * 1000) AS date), m.place
      FROM read_parquet(['logged.parquet']) s JOIN (VALUES (1, 2, 3)) AS m(sample, moment, place) ON m.sample = s.place`)
  })

  it('is refused when it gives a request what is not known yet', async () => {
    await expect(check('SELECT * FROM flights')).rejects.toThrow(
      'The training set of s uses delay for delay before it is known: it is known at landed (knownAt of flights), and date may be before that',
    )
    await expect(check('SELECT date, distance, delay FROM flights LIMIT 10')).rejects.toThrow(
      'cannot be seen through LIMIT',
    )
  })
})
