import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { dataset } from '../data/definition.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { files } from '../sources/definition.ts'
import { entity, featureService, featureView, resolveService, resolveView } from '../features/definition.ts'
import { onlineRows, onlineSource } from './online-rows.ts'
import type { ViewSpec } from '../features/schema.ts'
import { buildTrainingSet } from '../point-in-time/point-in-time.ts'

const analytics = openDuckDb()
const folder = mkdtempSync(join(tmpdir(), 'tidemill-windows-'))
afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const TTL_MS = 12
const WINDOWS = [3, 8]

interface Row {
  k: string | null
  other: string | null
  at: number
  /** When x is known. */
  known: number | null
  x: number | null
  tag: string | null
}

const sales = dataset('d', { source: files('*.csv'), time: 'at', knownAt: { x: { column: 'known' } } })
const thing = entity('thing', { key: 'k' })
const options = {
  entity: thing,
  dataset: sales,
  key: ['k', 'other'],
  windows: ['3ms', '8ms'],
  ttl: `${TTL_MS}ms`,
} as const
const view = featureView('w', {
  ...options,
  aggregate: {
    rows: { count: '*' },
    big: { count: '*', where: { x: { atLeast: 3 } } },
    known: { count: 'tag' },
    sum: { sum: 'x' },
    mean: { mean: 'x' },
    low: { min: 'x' },
    high: { max: 'x', where: { tag: ['p', 'q'] } },
    tag: { last: 'tag', kind: 'category' },
    tags: { distinct: 'tag' },
    spread: { deviation: 'x' },
    p: { share: { tag: 'p' } },
  },
})
const definitions = {
  entities: [thing],
  views: [view],
  onDemand: [],
  services: [featureService('s', [view])],
}
const service = resolveService(definitions.services[0]!, definitions, [sales])
const spec = service.views[0]!

/** The values of a key at a moment, by looking at every row: the oracle. */
function bruteForce(rows: readonly Row[], k: string | null, moment: number): unknown[] | null {
  const events = rows
    .flatMap((row) => [row.k, row.other].map((key) => ({ ...row, key })))
    .filter(({ key, known }) => key !== null && key === k && known !== null)
    .map((row) => ({ ...row, e: Math.max(row.at, row.known!) }))
    .filter(({ e }) => e <= moment)
  const newest = Math.max(...events.map(({ e }) => e))
  if (events.length === 0 || moment - newest > TTL_MS) return null
  const over = (pick: (recent: typeof events) => unknown): unknown[] =>
    WINDOWS.map((window) => pick(events.filter(({ e }) => e > moment - window)))
  const xs = (recent: typeof events): number[] => recent.flatMap(({ x }) => (x === null ? [] : [x]))
  const total = (values: number[]): number => values.reduce((sum, value) => sum + value, 0)
  const tags = (recent: typeof events): string[] => recent.flatMap(({ tag }) => (tag === null ? [] : [tag]))
  const orNull = (values: number[], value: () => number, least = 1): number | null =>
    values.length < least ? null : value()
  return [
    ...over((recent) => recent.length),
    ...over((recent) => xs(recent).filter((x) => x >= 3).length),
    ...over((recent) => tags(recent).length),
    ...over((recent) => orNull(xs(recent), () => total(xs(recent)))),
    ...over((recent) => orNull(xs(recent), () => total(xs(recent)) / xs(recent).length)),
    ...over((recent) => orNull(xs(recent), () => Math.min(...xs(recent)))),
    ...over((recent) => {
      const chosen = xs(recent.filter(({ tag }) => tag === 'p' || tag === 'q'))
      return orNull(chosen, () => Math.max(...chosen))
    }),
    ...over((recent) => {
      const tagged = recent.filter(({ tag }) => tag !== null)
      return tagged.sort((a, b) => b.e - a.e || (a.tag! < b.tag! ? 1 : -1))[0]?.tag ?? null
    }),
    ...over((recent) => new Set(tags(recent)).size),
    ...over((recent) => {
      const values = xs(recent)
      const mean = total(values) / values.length
      return orNull(
        values,
        () => Math.sqrt(total(values.map((x) => (x - mean) ** 2)) / (values.length - 1)),
        2,
      )
    }),
    ...over((recent) => {
      const told = tags(recent)
      return orNull(told.map(Number), () => told.filter((tag) => tag === 'p').length / told.length)
    }),
  ]
}

const time = (ms: number | null): string =>
  ms === null ? 'CAST(NULL AS TIMESTAMP)' : `make_timestamp(${ms * 1000})`
const text = (value: string | null): string => (value === null ? 'CAST(NULL AS VARCHAR)' : `'${value}'`)

function scanOf(rows: readonly Row[]): string {
  const none = `SELECT ${text('')} AS k, ${text('')} AS other, ${time(0)} AS at, ${time(0)} AS known, CAST(0 AS BIGINT) AS x, ${text('')} AS tag WHERE false`
  const each = rows.map(
    ({ k, other, at, known, x, tag }) =>
      `SELECT ${text(k)}, ${text(other)}, ${time(at)}, ${time(known)}, CAST(${x ?? 'NULL'} AS BIGINT), ${text(tag)}`,
  )
  return [none, ...each].join(' UNION ALL ')
}

const key = fc.constantFrom('a', 'b', 'c', null)
const rowsOf = fc.array(
  fc.record({
    k: key,
    other: key,
    at: fc.integer({ min: 0, max: 30 }),
    known: fc.option(fc.integer({ min: 0, max: 36 }), { freq: 8 }),
    x: fc.option(fc.integer({ min: -2, max: 6 })),
    tag: fc.option(fc.constantFrom('p', 'q', 'r')),
  }),
  { maxLength: 25 },
)
const moment = fc.integer({ min: -2, max: 60 })

/** Equal, but for the last bits of a standard deviation. */
function expectSame(found: unknown[] | null, expected: unknown[] | null, what: object): void {
  const rounded = (values: unknown[] | null): unknown =>
    values?.map((value) => (typeof value === 'number' ? Number(value.toPrecision(12)) : value))
  expect({ ...what, values: rounded(found) }).toEqual({ ...what, values: rounded(expected) })
}

const names = spec.features.map(({ name }) => name)
const nothing = names.map(() => null)

it('gives each window of an aggregate a feature of its own', () => {
  expect(names.slice(0, 4)).toEqual(['rows_3ms', 'rows_8ms', 'big_3ms', 'big_8ms'])
  expect(spec).toMatchObject({ ttlMs: TTL_MS, lookbackMs: null })
  const bounded = dataset('d', { source: files('*.csv'), time: 'at', knownAt: { x: { after: '5ms' } } })
  expect(resolveView(view, [thing], [bounded])).toMatchObject({ lookbackMs: 14 })
})

it('joins to each row what its windows hold at its very moment, as brute force does', async () => {
  const target = join(folder, 'set.parquet')
  const questions = fc.array(fc.record({ k: key, at: fc.option(moment, { freq: 10 }) }), {
    minLength: 1,
    maxLength: 15,
  })
  await fc.assert(
    fc.asyncProperty(rowsOf, questions, async (rows, asked) => {
      const spine = asked.map(
        ({ k, at }, id) => `SELECT ${text(k)} AS k, ${time(at)} AS event_time, ${id} AS id`,
      )
      const plan = {
        spec: service,
        spine: { sql: spine.join(' UNION ALL ') },
        eventTime: 'event_time',
        datasets: { d: { scan: scanOf(rows), time: 'at' } },
        withAges: false,
      }
      await buildTrainingSet(analytics, plan, { snapshotDirectory: folder, target })
      const found = await analytics.query(`SELECT * FROM ${parquetScan([target])}`)
      for (const [id, { k, at }] of asked.entries()) {
        const expected = at === null ? null : bruteForce(rows, k, at)
        expectSame(
          names.map((name) => found[id]![name]),
          expected ?? nothing,
          { k, at },
        )
      }
    }),
    { numRuns: 100 },
  )
})

it('keeps online what windows hold at the moment of materialization, whatever the steps before', async () => {
  const bounded: ViewSpec = { ...spec, lookbackMs: 36 + 8 + 1 }
  await fc.assert(
    fc.asyncProperty(
      rowsOf,
      fc.uniqueArray(moment, { minLength: 1, maxLength: 5 }),
      async (rows, moments) => {
        const online = new Map<string, { eventMs: number; createdMs: number; values: readonly unknown[] }>()
        let fromMs = -Infinity
        for (const untilMs of moments.sort((a, b) => a - b)) {
          // As materialize reads: rows from `lookback` before what is new.
          const recent = rows.filter(({ at }) => at >= fromMs - bounded.lookbackMs! && at <= untilMs)
          await using session = await analytics.session({ threads: 1 })
          const span = { source: onlineSource(bounded, scanOf(recent)), fromMs, untilMs }
          const { nextMs } = await onlineRows(session, bounded, span, async (pieces) => {
            for await (const written of pieces) {
              for (const { entityKey, ...row } of written) {
                const old = online.get(entityKey)
                if (!old || row.eventMs > old.eventMs || row.createdMs >= old.createdMs)
                  online.set(entityKey, row)
              }
            }
          })
          for (const k of ['a', 'b', 'c']) {
            const row = online.get(k)
            const fresh = row !== undefined && untilMs - row.eventMs <= TTL_MS
            expectSame(fresh ? [...row.values] : null, bruteForce(rows, k, untilMs), { k, untilMs })
          }
          const change = nextOf(rows, untilMs)
          expect(nextMs).toBe(change.length === 0 ? null : Math.min(...change))
          fromMs = untilMs
        }
      },
    ),
    { numRuns: 100 },
  )
})

/** The moments at which an event comes or leaves, of rows that were read. */
function nextOf(rows: readonly Row[], untilMs: number): number[] {
  return rows
    .filter((row) => row.known !== null && row.at <= untilMs && (row.k ?? row.other) !== null)
    .map(({ at, known }) => Math.max(at, known!))
    .flatMap((e) =>
      e > untilMs ? [e] : WINDOWS.map((window) => e + window).filter((left) => left > untilMs),
    )
}
