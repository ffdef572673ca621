import * as fc from 'fast-check'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { newestRows, viewRows } from './view-rows.ts'
import type { FeatureServiceSpec, ViewSpec } from '../features/schema.ts'
import { buildTrainingSet } from './training-set.ts'

const analytics = openDuckDb()
const folder = mkdtempSync(join(tmpdir(), 'tidemill-pit-'))
afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const TTL_MS = 10

interface ViewRow {
  k: string | null
  ts: number | null
  created: number
  x: number | null
}

interface Question {
  k: string | null
  at: number
}

function makeView(bitemporal: boolean): ViewSpec {
  return {
    view: 'v',
    entity: 'thing',
    entityKey: 'k',
    dataset: 'd',
    sql: 'SELECT * FROM dataset',
    eventTime: 'ts',
    createdTimestamp: bitemporal ? 'created' : null,
    ttlMs: TTL_MS,
    lookbackMs: null,
    features: [{ name: 'x', kind: 'number' }],
    definitionHash: 'h',
  }
}

function makeService(view: ViewSpec): FeatureServiceSpec {
  return {
    name: 's',
    entities: [{ name: 'thing', key: 'k' }],
    views: [view],
    onDemand: [],
    features: [{ name: 'x', kind: 'number', from: 'view', source: 'v' }],
  }
}

const time = (ms: number | null): string =>
  ms === null ? 'CAST(NULL AS TIMESTAMP)' : `make_timestamp(${ms * 1000})`
const text = (value: string | null): string => (value === null ? 'CAST(NULL AS VARCHAR)' : `'${value}'`)
const number = (value: number | null): string =>
  value === null ? 'CAST(NULL AS DOUBLE)' : `CAST(${value} AS DOUBLE)`

function scanOf(rows: readonly ViewRow[]): string {
  const none = `SELECT ${text('')} AS k, ${time(0)} AS ts, ${time(0)} AS created, ${number(0)} AS x WHERE false`
  const each = rows.map(
    (row) => `SELECT ${text(row.k)}, ${time(row.ts)}, ${time(row.created)}, ${number(row.x)}`,
  )
  return [none, ...each].join(' UNION ALL ')
}

/** The row that counts, by looking at every row: the oracle. */
function bruteForce(rows: readonly ViewRow[], { k, at }: Question, bitemporal: boolean): ViewRow | undefined {
  return rows
    .filter(
      (row) =>
        k !== null && row.k === k && row.ts !== null && row.ts <= at && (!bitemporal || row.created <= at),
    )
    .sort(
      (a, b) =>
        b.ts! - a.ts! || (bitemporal ? b.created - a.created : 0) || (b.x ?? -Infinity) - (a.x ?? -Infinity),
    )[0]
}

const key = fc.constantFrom('a', 'b', 'c', null)
const moment = fc.integer({ min: 0, max: 30 })
const rowsOf = fc.array(
  fc.record({
    k: key,
    ts: fc.option(moment),
    created: moment,
    x: fc.option(fc.integer({ min: 0, max: 5 })),
  }),
  { maxLength: 25 },
)
const questionsOf = fc.array(fc.record({ k: key, at: fc.integer({ min: -2, max: 40 }) }), {
  minLength: 1,
  maxLength: 15,
})

async function joinByTime(
  rows: readonly ViewRow[],
  questions: readonly Question[],
  view: ViewSpec,
): Promise<unknown[]> {
  const target = join(folder, 'set.parquet')
  const asked = questions.map(
    ({ k, at }, index) => `SELECT ${text(k)} AS k, ${time(at)} AS event_time, ${index} AS id`,
  )
  await buildTrainingSet(
    analytics,
    {
      spec: makeService(view),
      spine: { sql: asked.join(' UNION ALL ') },
      eventTime: 'event_time',
      datasets: { d: { scan: scanOf(rows), time: null } },
      withAges: true,
    },
    { snapshotDirectory: folder, target },
  )
  return await analytics.query(`SELECT id, x, v__age_ms AS age FROM ${parquetScan([target])}`)
}

for (const bitemporal of [false, true]) {
  const kind = bitemporal ? 'known by then' : 'not after the moment'

  it(`joins to each row the newest value ${kind}, as brute force does`, async () => {
    const view = makeView(bitemporal)
    await fc.assert(
      fc.asyncProperty(rowsOf, questionsOf, async (rows, questions) => {
        const expected = questions.map((question, id) => {
          const best = bruteForce(rows, question, bitemporal)
          const age = best ? question.at - best.ts! : null
          return { id, x: age !== null && age <= TTL_MS ? best!.x : null, age }
        })
        expect(await joinByTime(rows, questions, view)).toEqual(expected)
      }),
      { numRuns: 150 },
    )
  })

  it(`keeps online what the join would give at that moment (${kind}), whatever the steps`, async () => {
    const view = makeView(bitemporal)
    await fc.assert(
      fc.asyncProperty(
        rowsOf,
        fc.uniqueArray(moment, { minLength: 1, maxLength: 4 }),
        async (rows, moments) => {
          const online = new Map<string, { ts: number; created: number; x: number | null }>()
          let fromMs = -Infinity
          for (const untilMs of moments.sort((a, b) => a - b)) {
            const found = await analytics.query(
              newestRows(view, viewRows(view, scanOf(rows)), { fromMs, untilMs }),
            )
            for (const { k, ts, created, f0 } of found as {
              k: string
              ts: number
              created: number
              f0: number | null
            }[]) {
              const old = online.get(k)
              const newer = !old || ts > old.ts || (ts === old.ts && created >= old.created)
              if (newer) online.set(k, { ts, created, x: f0 })
            }
            fromMs = untilMs
            for (const k of ['a', 'b', 'c']) {
              const best = bruteForce(rows, { k, at: untilMs }, bitemporal)
              expect({ k, ts: online.get(k)?.ts, x: online.get(k)?.x }).toEqual({
                k,
                ts: best?.ts,
                x: best?.x,
              })
            }
          }
        },
      ),
      { numRuns: 100 },
    )
  })
}

/** Views of the same rows: of the past or as known by then, by one of two keys, with a longer or a shorter life. */
const severalViews = (): ViewSpec[] =>
  Array.from({ length: 20 }, (_, index) => ({
    ...makeView(index % 2 === 1),
    view: `v${index}`,
    entityKey: index % 3 === 0 ? 'other' : 'k',
    sql: `SELECT *, k AS other, x AS x${index} FROM dataset`,
    ttlMs: index % 4 === 0 ? 3 : TTL_MS,
    features: [{ name: `x${index}`, kind: 'number' as const }],
  }))

it('joins twenty views at once, each by its own key and life, whatever keys are null and times are equal', async () => {
  const views = severalViews()
  const features = views.map(({ view, features: [only] }) => ({
    ...only!,
    from: 'view' as const,
    source: view,
  }))
  const spec: FeatureServiceSpec = {
    name: 's',
    entities: [
      { name: 'thing', key: 'k' },
      { name: 'other', key: 'other' },
    ],
    views,
    onDemand: [],
    features,
  }
  const target = join(folder, 'many.parquet')
  const askedOf = fc.array(fc.record({ k: key, other: key, at: fc.option(moment, { freq: 9 }) }), {
    minLength: 1,
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(rowsOf, askedOf, async (rows, asked) => {
      const spine = asked.map(
        ({ k, other, at }) => `SELECT ${text(k)} AS k, ${text(other)} AS other, ${time(at)} AS event_time`,
      )
      await buildTrainingSet(
        analytics,
        {
          spec,
          spine: { sql: spine.join(' UNION ALL ') },
          eventTime: 'event_time',
          datasets: { d: { scan: scanOf(rows), time: null } },
          withAges: false,
        },
        { snapshotDirectory: folder, target },
      )
      const found = await analytics.query(
        `SELECT * EXCLUDE (k, other, event_time) FROM ${parquetScan([target])}`,
      )
      const expected = asked.map(({ k, other, at }) => {
        const values = views.map(({ entityKey, createdTimestamp, ttlMs, features: [feature] }) => {
          if (at === null) return [feature!.name, null]
          const asks = { k: entityKey === 'k' ? k : other, at }
          const best = bruteForce(rows, asks, createdTimestamp !== null)
          return [feature!.name, best && at - best.ts! <= ttlMs ? best.x : null]
        })
        return Object.fromEntries(values) as Record<string, number | null>
      })
      expect(found).toEqual(expected)
    }),
    { numRuns: 15 },
  )
}, 60_000)

it('finds a key of any type by what a request would send for it, and compares times in whole milliseconds', async () => {
  const target = join(folder, 'keys.parquet')
  const view = { ...makeView(false), sql: 'SELECT k, ts, x FROM dataset' }
  const joined = async (keys: string, spine: string): Promise<unknown[]> => {
    await buildTrainingSet(
      analytics,
      {
        spec: makeService(view),
        spine: { sql: spine },
        eventTime: 'event_time',
        datasets: { d: { scan: keys, time: null } },
        withAges: false,
      },
      { snapshotDirectory: folder, target },
    )
    return (await analytics.query(`SELECT x FROM ${parquetScan([target])}`)).map(({ x }) => x)
  }
  const rows = (values: readonly string[]): string =>
    values.map((k, x) => `SELECT ${k} AS k, ${time(1)} AS ts, ${x} AS x`).join(' UNION ALL ')
  const ask = (values: readonly string[]): string =>
    values.map((k) => `SELECT ${k} AS k, ${time(2)} AS event_time`).join(' UNION ALL ')
  const whole = ['7::DOUBLE', '8::DOUBLE', '7.5::DOUBLE', "'nan'::DOUBLE"]
  for (const type of ['BIGINT', 'INTEGER', 'VARCHAR', 'DOUBLE', 'DECIMAL(9, 3)'])
    expect(await joined(rows(whole), ask([`7::${type}`, `9::${type}`])), type).toEqual([0, null])
  expect(await joined(rows(whole), ask(["'7.5'", "'8'", "'7'", "'NaN'", 'NULL']))).toEqual([
    2,
    1,
    0,
    null,
    null,
  ])
  expect(await joined(rows(['12.50::DECIMAL(9, 2)', '13::DECIMAL(9, 2)']), ask(["'12.5'", "'13'"]))).toEqual([
    0, 1,
  ])
  expect(await joined(rows(['9007199254740993', '9007199254740992']), ask(["'9007199254740993'"]))).toEqual([
    0,
  ])

  const micros = (us: number): string => `SELECT 'a' AS k, make_timestamp(${us}) AS`
  expect(await joined(`${micros(10_900)} ts, 1 AS x`, `${micros(10_100)} event_time`)).toEqual([1])
  expect(await joined(`${micros(11_000)} ts, 1 AS x`, `${micros(10_999)} event_time`)).toEqual([null])
})

it('joins more rows than fit into memory, and gives the same bytes as with memory for all', async () => {
  const rows = `SELECT CAST(hash(i) % 5000 AS VARCHAR) AS k, make_timestamp(CAST(hash(i + 1) % 8000000000 AS BIGINT) * 1000) AS ts,
      make_timestamp(CAST(hash(i + 1) % 8000000000 AS BIGINT) * 1000) AS created, i AS x FROM range(500000) t(i)`
  const spine = 'SELECT k, ts AS event_time, x AS id FROM d WHERE x % 20 = 0'
  const view = { ...makeView(true), ttlMs: 1e9 }
  const build = async (memoryLimit: string): Promise<Buffer> => {
    const target = join(folder, `${memoryLimit}.parquet`)
    await using own = openDuckDb({ memoryLimit })
    const plan = {
      spec: makeService(view),
      spine: { sql: spine },
      eventTime: 'event_time',
      datasets: { d: { scan: rows, time: null } },
      withAges: true,
    }
    await buildTrainingSet(own, plan, { snapshotDirectory: folder, target })
    return readFileSync(target)
  }
  expect((await build('40MB')).equals(await build('2GB'))).toBe(true)
}, 60_000)
