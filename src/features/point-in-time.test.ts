import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { newestRows, viewRows } from './point-in-time.ts'
import type { FeatureServiceSpec, ViewSpec } from './schema.ts'
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
