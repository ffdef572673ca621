import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { dataset } from '../data/definition.ts'
import { AppError } from '../kernel/errors.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { files } from '../sources/definition.ts'
import { entity, featureView, resolveView } from '../features/definition.ts'
import { requireKnownInTime } from './leakage.ts'
import { viewRows } from '../point-in-time/point-in-time.ts'
import type { ViewSpec } from '../features/schema.ts'

// Views by SQL put together at random: one that is taken must show the same rows up to each moment, whatever the values
// are that become known after it.

const analytics = openDuckDb()
afterAll(() => analytics[Symbol.asyncDispose]())

const table = dataset('d', {
  source: files('*.parquet'),
  time: 'date',
  knownAt: { delay: { column: 'landed' }, fine: { after: '5ms' } },
})
const airport = entity('airport', { key: 'k' })

interface Row {
  k: string
  date: number
  landed: number | null
  delay: number
  fine: number
}

const row = fc.record({
  k: fc.constantFrom('a', 'b'),
  date: fc.integer({ min: 0, max: 20 }),
  landed: fc.option(fc.integer({ min: 0, max: 30 }), { freq: 6 }),
  delay: fc.integer({ min: 0, max: 9 }),
  fine: fc.integer({ min: 0, max: 9 }),
})

const time = (ms: number | null): string =>
  ms === null ? 'CAST(NULL AS TIMESTAMP)' : `make_timestamp(${ms * 1000})`

function scanOf(rows: readonly Row[]): string {
  const select = ({ k, date, landed, delay, fine }: Row): string =>
    `SELECT '${k}' AS k, ${time(date)} AS date, ${time(landed)} AS landed, ${delay} AS delay, ${fine} AS fine`
  return rows.map(select).join(' UNION ALL ')
}

/** A query of parts: each holds what is right, and what is mostly wrong. */
interface Parts {
  rows: fc.Arbitrary<string>
  /** When the rows of `inside` become known, and what groups them by that. */
  at: fc.Arbitrary<string>
  by: fc.Arbitrary<string>
  order: fc.Arbitrary<string>
  frame: fc.Arbitrary<string>
  condition: fc.Arbitrary<string>
}

const oneOf = (...texts: string[]): fc.Arbitrary<string> => fc.constantFrom(...texts)
const FIVE = "INTERVAL '5 milliseconds'"
const BOTH = `CASE WHEN landed IS NOT NULL THEN greatest(landed, date + ${FIVE}) END`

const rowsOf = (at: fc.Arbitrary<string>, x: fc.Arbitrary<string>, where: fc.Arbitrary<string>) =>
  fc
    .tuple(at, x, where)
    .map(([a, b, c]) => `SELECT k, ${a} AS since, ${b} AS x, landed, date FROM dataset ${c}`)

const right: Parts = {
  rows: fc.oneof(
    rowsOf(
      oneOf(
        'landed',
        "landed + INTERVAL '3 milliseconds'",
        'CAST(landed AS TIMESTAMP)',
        'CASE WHEN delay > 4 THEN landed END',
        'CASE WHEN landed IS NOT NULL AND date IS NOT NULL THEN greatest(date, landed) END',
        BOTH,
      ),
      oneOf('delay', 'CASE WHEN delay > 4 THEN 7 END'),
      oneOf('', 'WHERE delay > 3', 'WHERE landed IS NOT NULL'),
    ),
    rowsOf(
      oneOf(`date + ${FIVE}`, `greatest(date, date + ${FIVE})`, BOTH),
      oneOf('fine', '1'),
      oneOf('', 'WHERE fine > 2'),
    ),
    rowsOf(fc.constant(BOTH), oneOf('delay + fine'), oneOf('', 'WHERE fine > delay')),
  ),
  at: oneOf('since', "since + INTERVAL '2 milliseconds'", 'CAST(since AS TIMESTAMP)'),
  by: oneOf(
    'since',
    `time_bucket(${FIVE}, since) + ${FIVE}`,
    "date_trunc('second', since) + INTERVAL 1 SECOND",
    'CAST(since AS DATE) + INTERVAL 1 DAY',
  ),
  order: oneOf('since'),
  frame: oneOf(
    'RANGE UNBOUNDED PRECEDING',
    "RANGE BETWEEN INTERVAL '4 milliseconds' PRECEDING AND CURRENT ROW",
    'GROUPS BETWEEN 3 PRECEDING AND 1 PRECEDING',
  ),
  condition: oneOf('true', 'x > 3'),
}

/** Mostly what is right, or too much would be refused. */
const mostly = (part: fc.Arbitrary<string>, ...others: string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 4, arbitrary: part }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const mixed: Parts = {
  rows: rowsOf(
    oneOf(
      'landed',
      BOTH,
      'date',
      'greatest(date, landed)',
      'least(date, landed)',
      "landed - INTERVAL '3 milliseconds'",
      'date + to_milliseconds(5)',
      'date + to_milliseconds(4)',
      'coalesce(landed, date)',
      "date_trunc('second', landed)",
      'CASE WHEN date IS NOT NULL THEN greatest(date, landed) END',
      'CASE WHEN landed IS NOT NULL THEN landed ELSE date END',
    ),
    oneOf('delay', 'CASE WHEN delay > 4 THEN 7 END', 'fine', 'delay + fine', '1'),
    oneOf('', 'WHERE delay > 3', 'WHERE landed IS NOT NULL', 'WHERE fine > 2'),
  ),
  at: mostly(right.at, 'landed', 'date', "since - INTERVAL '2 milliseconds'", 'greatest(date, since)'),
  by: mostly(
    right.by,
    'date',
    `time_bucket(${FIVE}, since)`,
    'greatest(date, landed)',
    `time_bucket(${FIVE}, since) + INTERVAL '4 milliseconds'`,
  ),
  order: mostly(right.order, 'landed', 'date', 'since DESC', 'since NULLS FIRST', 'greatest(date, landed)'),
  frame: mostly(right.frame, 'GROUPS 2 PRECEDING', 'GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING'),
  condition: mostly(right.condition, 'landed IS NOT NULL'),
}

function queryOf({ rows, at, by, order, frame, condition }: Parts): fc.Arbitrary<string> {
  const source = fc.oneof(
    { weight: 3, arbitrary: rows },
    { weight: 1, arbitrary: fc.tuple(rows, rows).map(([a, b]) => `${a} UNION ALL ${b}`) },
  )
  return fc
    .tuple(source, fc.nat(6), at, by, order, frame, condition)
    .map(([inner, shape, moment, group, ordered, span, where]) => {
      const from = `FROM (${inner}) AS inside`
      const over = `OVER (PARTITION BY k ORDER BY ${ordered} ${span})`
      switch (shape) {
        case 0:
          return `SELECT k, ${moment} AS event_time, x AS f ${from}`
        case 1:
          return `WITH inside AS (${inner}) SELECT k, since AS event_time, sum(x) ${over} AS f FROM inside`
        case 2:
          return `SELECT k, since AS event_time, count(*) ${over} AS f ${from} WHERE ${where}`
        case 3:
          return `SELECT k, ${group} AS event_time, sum(x) AS f ${from} WHERE ${where} GROUP BY k, ${group}`
        case 4:
          return `SELECT k, ${group} AS event_time, count(*) AS f, ${moment} AS m ${from} GROUP BY ALL HAVING max(x) > 2`
        case 5:
          return `SELECT k, ${group} AS event_time, sum(count(*)) OVER (PARTITION BY k ORDER BY ${group}) AS f ${from} GROUP BY 1, 2`
        default:
          return `SELECT * REPLACE (x + 1 AS x), ${moment} AS event_time, x * 2 AS f ${from}`
      }
    })
}

/** Rows as they might also be, as far as is known at a moment. */
function otherwise(rows: readonly Row[], at: number, seeds: readonly number[]): Row[] {
  return rows.map((each, index) => {
    const seed = seeds[index % seeds.length]!
    const landsLater = each.landed === null || each.landed > at
    return {
      ...each,
      delay: landsLater ? seed % 10 : each.delay,
      landed: landsLater ? (seed % 3 === 0 ? null : at + 1 + (seed % 7)) : each.landed,
      fine: each.date + 5 > at ? (seed * 7) % 10 : each.fine,
    }
  })
}

async function rowsUntil(view: ViewSpec, rows: readonly Row[], at: number): Promise<unknown[]> {
  return await analytics.query(
    `SELECT k, ts, f0 FROM (${viewRows(view, scanOf(rows))}) WHERE ts <= ${at} ORDER BY ALL`,
  )
}

const given = [
  fc.array(row, { minLength: 2, maxLength: 10 }),
  fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }),
] as const

const viewOf = (sql: string): ViewSpec => {
  const options = { entity: airport, dataset: table, ttl: '1d', features: { f: 'number' } } as const
  return resolveView(featureView('v', { ...options, sql }), [airport], [table])
}

async function showsNothingEarly(sql: string, rows: readonly Row[], seeds: readonly number[]): Promise<void> {
  const view = viewOf(sql)
  for (const at of [0, 4, 9, 15, 22]) {
    const other = otherwise(rows, at, seeds)
    expect({ sql, at, seen: await rowsUntil(view, other, at) }).toEqual({
      sql,
      at,
      seen: await rowsUntil(view, rows, at),
    })
  }
}

it('every view by SQL that is put together of what waits is taken, and shows nothing of what becomes known later', async () => {
  await fc.assert(
    fc.asyncProperty(queryOf(right), ...given, async (sql, rows, seeds) => {
      await requireKnownInTime(analytics, [viewOf(sql)])
      await showsNothingEarly(sql, rows, seeds)
    }),
    { numRuns: 150 },
  )
}, 120_000)

it('no other view by SQL that is taken shows anything of what becomes known later', async () => {
  await fc.assert(
    fc.asyncProperty(queryOf(mixed), ...given, async (sql, rows, seeds) => {
      const isTaken = await requireKnownInTime(analytics, [viewOf(sql)]).then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof AppError)) throw error
          return false
        },
      )
      if (isTaken) await showsNothingEarly(sql, rows, seeds)
    }),
    { numRuns: 600 },
  )
}, 120_000)
