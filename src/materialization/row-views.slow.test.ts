import * as fc from 'fast-check'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { dataset } from '../data/definition.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { files } from '../sources/definition.ts'
import { entity, featureService, featureView, resolveService } from '../features/definition.ts'
import { computeRowsApart } from './row-process.ts'
import { buildTrainingSet } from '../point-in-time/point-in-time.ts'

const analytics = openDuckDb()
const folder = mkdtempSync(join(tmpdir(), 'tidemill-row-views-'))
beforeAll(() =>
  writeFileSync(
    join(folder, 'double.mjs'),
    `export const double = ({ x, tag }) => ({ twice: x === null ? null : 2 * x, said: tag + '!', when: 5 })
     export const fails = () => { throw new Error('never') }
     export const ends = () => process.exit(3)
     export const odd = ({ x }) => ({ twice: 'text', said: null, when: Infinity })`,
  ),
)
afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const TTL_MS = 10
const thing = entity('thing', { key: 'k' })
const sales = dataset('d', { source: files('*.csv'), time: 'at', knownAt: { x: { column: 'known' } } })

function serviceOf(name: string, { known = true } = {}) {
  const view = featureView('r', {
    entity: thing,
    dataset: sales,
    row: { module: 'double.mjs', export: name, inputs: { x: 'number', tag: 'category', k: 'category' } },
    features: { twice: 'number', said: 'category', when: 'timestamp' },
    ttl: `${TTL_MS}ms`,
  })
  const service = featureService('s', [view])
  const definitions = { entities: [thing], views: [view], onDemand: [], services: [service] }
  const { knownAt: _, ...plain } = sales
  return resolveService(service, definitions, [known ? sales : plain])
}

interface Row {
  k: string | null
  at: number
  known: number | null
  x: number | null
  tag: string
}

const time = (ms: number | null): string =>
  ms === null ? 'CAST(NULL AS TIMESTAMP)' : `make_timestamp(${ms * 1000})`
const text = (value: string | null): string => (value === null ? 'CAST(NULL AS VARCHAR)' : `'${value}'`)

function scanOf(rows: readonly Row[]): string {
  const select = ({ k, at, known, x, tag }: Row): string =>
    `SELECT ${text(k)} AS k, ${time(at)} AS at, ${time(known)} AS known, CAST(${x ?? 'NULL'} AS BIGINT) AS x, ${text(tag)} AS tag`
  const none = `${select({ k: '', at: 0, known: 0, x: 0, tag: '' })} WHERE false`
  return [none, ...rows.map(select)].join(' UNION ALL ')
}

/** Of the rows known at a moment the newest, by looking at every row: the oracle. */
function bruteForce(rows: readonly Row[], k: string | null, moment: number, known: boolean): Row | undefined {
  const knownOf = (row: Row): number => (known ? Math.max(row.at, row.known!) : row.at)
  const [newest] = rows
    .filter((row) => k !== null && row.k === k && (!known || row.known !== null))
    .filter((row) => row.at <= moment && knownOf(row) <= moment)
    .sort(
      (a, b) =>
        b.at - a.at ||
        knownOf(b) - knownOf(a) ||
        (b.x ?? -Infinity) - (a.x ?? -Infinity) ||
        (a.tag < b.tag ? 1 : -1),
    )
  return newest && moment - newest.at <= TTL_MS ? newest : undefined
}

const key = fc.constantFrom('a', 'b', null)
const rowsOf = fc.array(
  fc.record({
    k: key,
    at: fc.integer({ min: 0, max: 20 }),
    known: fc.option(fc.integer({ min: 0, max: 30 }), { freq: 8 }),
    x: fc.option(fc.integer({ min: -2, max: 6 })),
    tag: fc.constantFrom('p', 'say "so", then', '\n'),
  }),
  { maxLength: 20 },
)
const questions = fc.array(fc.record({ k: key, at: fc.integer({ min: -2, max: 45 }) }), {
  minLength: 1,
  maxLength: 12,
})

for (const known of [true, false]) {
  it(`joins what a function makes of the newest row ${known ? 'that was known' : 'of the past'}, as brute force does`, async () => {
    const spec = serviceOf('double', { known })
    const target = join(folder, 'set.parquet')
    await fc.assert(
      fc.asyncProperty(rowsOf, questions, async (rows, asked) => {
        const spine = asked.map(({ k, at }) => `SELECT ${text(k)} AS k, ${time(at)} AS event_time`)
        const plan = {
          spec,
          spine: { sql: spine.join(' UNION ALL ') },
          eventTime: 'event_time',
          datasets: { d: { scan: scanOf(rows), time: 'at' } },
          withAges: false,
        }
        await buildTrainingSet(analytics, plan, { snapshotDirectory: folder, target })
        const found = await analytics.query(`SELECT twice, said, "when" FROM ${parquetScan([target])}`)
        const expected = asked.map(({ k, at }) => {
          const row = bruteForce(rows, k, at, known)
          if (!row) return { twice: null, said: null, when: null }
          return { twice: row.x === null ? null : 2 * row.x, said: `${row.tag}!`, when: 5 }
        })
        expect(found).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })
}

it('computes rows in a process of its own, and says what went wrong there', async () => {
  const rows = [{ k: 'a', at: 1, known: 3, x: 4, tag: 'p' }]
  const target = join(folder, 'rows.parquet')
  const task = (name: string) => ({
    view: serviceOf(name).views[0]!,
    scan: scanOf(rows),
    snapshotDirectory: folder,
    target,
  })
  expect(await computeRowsApart(task('double'))).toEqual({})
  expect(await analytics.query(`SELECT * FROM ${parquetScan([target])}`)).toEqual([
    { k: 'a', ts: 1, created: 3, av: 3, f0: 8, f1: 'p!', f2: 5 },
  ])
  expect(await computeRowsApart(task('odd'))).toEqual({ 'r output:twice': 1, 'r output:when': 1 })
  await expect(computeRowsApart(task('fails'))).rejects.toThrow('The function of r fails on every row: never')
  await expect(computeRowsApart(task('ends'))).rejects.toThrow('The function of r ended its process')
  await expect(computeRowsApart(task('absent'))).rejects.toThrow('exports no function absent')
  const aborted = computeRowsApart(task('double'), AbortSignal.abort())
  await expect(aborted).rejects.toThrow('abort')
})
