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

/** Mostly what is right, or too much would be refused. */
const mostly = <T>(right: readonly T[], others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...right) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  )

const moment = mostly(
  ['landed', 'landed', "landed + INTERVAL '3 milliseconds'", 'CAST(landed AS TIMESTAMP)'],
  [
    'date',
    'greatest(date, landed)',
    'least(date, landed)',
    "landed - INTERVAL '3 milliseconds'",
    'date + to_milliseconds(5)',
    'date + to_milliseconds(4)',
    'coalesce(landed, date)',
  ],
)
const value = mostly(['delay', 'delay', 'CASE WHEN delay > 4 THEN 7 END'], ['fine', 'delay + fine', '1'])
const order = mostly(['at'], ['landed', 'date', 'at DESC', 'at NULLS FIRST', 'greatest(date, landed)'])
const frame = mostly(
  [
    'RANGE UNBOUNDED PRECEDING',
    "RANGE BETWEEN INTERVAL '4 milliseconds' PRECEDING AND CURRENT ROW",
    'ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING',
  ],
  ['ROWS 2 PRECEDING', 'ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING'],
)
const condition = mostly(['', 'WHERE delay > 3'], ['WHERE landed IS NOT NULL', 'WHERE fine > 2'])

const rowsSql = fc
  .tuple(moment, value, condition)
  .map(([at, x, where]) => `SELECT k, ${at} AS at, ${x} AS x, landed, date FROM dataset ${where}`)
const source = fc.oneof(
  { weight: 3, arbitrary: rowsSql },
  { weight: 1, arbitrary: fc.tuple(rowsSql, rowsSql).map(([a, b]) => `${a} UNION ALL ${b}`) },
)
const query = fc.tuple(source, fc.nat(4), order, frame, moment).map(([inner, shape, by, span, at]) => {
  const from = `FROM (${inner}) AS inside`
  switch (shape) {
    case 0:
      return `SELECT k, at AS event_time, x AS f ${from}`
    case 1:
      return `WITH inside AS (${inner}) SELECT k, at AS event_time, sum(x) OVER (PARTITION BY k ORDER BY ${by} ${span}) AS f FROM inside`
    case 2:
      return `SELECT k, max(at) AS event_time, sum(x) AS f ${from} GROUP BY k, date`
    case 3:
      return `SELECT k, ${at} AS event_time, x AS f ${from}`
    default:
      return `SELECT * REPLACE (x + 1 AS x), at AS event_time, x * 2 AS f ${from}`
  }
})

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

it('no view by SQL that is taken shows anything of what becomes known later', async () => {
  const counts = { taken: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(
      query,
      fc.array(row, { minLength: 2, maxLength: 10 }),
      fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }),
      async (sql, rows, seeds) => {
        const options = { entity: airport, dataset: table, ttl: '1d', features: { f: 'number' } } as const
        const view = resolveView(featureView('v', { ...options, sql }), [airport], [table])
        try {
          await requireKnownInTime(analytics, [view])
        } catch (error) {
          if (!(error instanceof AppError)) throw error
          counts.refused += 1
          return
        }
        counts.taken += 1
        for (const at of [0, 4, 9, 15, 22]) {
          const other = otherwise(rows, at, seeds)
          expect({ sql, at, seen: await rowsUntil(view, other, at) }).toEqual({
            sql,
            at,
            seen: await rowsUntil(view, rows, at),
          })
        }
      },
    ),
    { numRuns: 400, seed: 2 },
  )
  expect(counts.taken).toBeGreaterThan(40)
  expect(counts.refused).toBeGreaterThan(40)
}, 120_000)
