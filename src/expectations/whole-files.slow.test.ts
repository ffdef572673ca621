import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import type { Column } from '../sources/schema.ts'
import {
  increasing,
  mostCommonShare,
  noDuplicateRows,
  quantileBetween,
  unique,
  uniqueShare,
} from './definition.ts'
import type { Expectation } from './definition.ts'
import { validate } from './validation.ts'

// Checks that no single row can answer, held against the plainest code that says what they mean.

const analytics = openDuckDb()
const folder = mkdtempSync(join(tmpdir(), 'tidemill-whole-files-'))
afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** Names that the SQL of the checks uses for its own. */
const [KEY, VALUE] = ['h', 'place'] as const
const COLUMNS: Column[] = [
  { name: KEY, type: 'VARCHAR' },
  { name: VALUE, type: 'DOUBLE' },
]

type Row = readonly [key: string | null, value: number | null]

async function write(name: string, select: string): Promise<string> {
  const path = join(folder, `${name}.parquet`)
  await analytics.execute(`COPY (${select}) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`)
  return path
}

function selectOf(rows: readonly Row[]): string {
  const cells = rows.map(([key, value]) => `(${key === null ? 'NULL' : `'${key}'`}, ${number(value)})`)
  return `SELECT CAST(key AS VARCHAR) AS ${KEY}, CAST(value AS DOUBLE) AS ${VALUE} FROM (VALUES ${cells.join(', ')}) t(key, value)`
}

function number(value: number | null): string {
  if (value === null) return 'NULL'
  return Number.isFinite(value)
    ? String(value)
    : `'${value > 0 ? 'inf' : Number.isNaN(value) ? 'nan' : '-inf'}'::DOUBLE`
}

async function resultsOf(parts: readonly string[], expectations: readonly Expectation[]) {
  await using session = await analytics.session()
  const files = parts.map((part, at) => ({ path: `file ${at}`, part, columns: COLUMNS }))
  const { results } = await validate(session, files, expectations, {
    columns: COLUMNS,
    time: undefined,
    nowMs: 0,
    history: undefined,
    earlierRows: [],
    references: new Map(),
  })
  return parts.map((_, at) => results.filter(({ file }) => file === `file ${at}`))
}

function quantile(values: readonly number[], share: number): number {
  // As DuckDB orders numbers, NaN is the greatest.
  const sorted = values.toSorted((a, b) => (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0) || a - b)
  const place = share * (sorted.length - 1)
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
  return low === high || Number.isNaN(low) ? low : low + (high - low) * (place - Math.floor(place))
}

/** But for the last digits of what lies between two values. */
function expectNear(found: number | null, exact: number): void {
  if (Number.isFinite(exact)) expect(Math.abs(found! - exact)).toBeLessThanOrEqual(1e-12 * Math.abs(exact))
  else expect(found).toBe(exact)
}

const rows = fc.array(
  fc.tuple(
    fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')),
    fc.option(fc.constantFrom(-1, 0, 0.5, 2, 3, 1e9, Number.POSITIVE_INFINITY, Number.NaN)),
  ),
  { minLength: 1, maxLength: 12 },
)

it('finds repeated keys and rows, falls, shares and quantiles as the plainest code does, in any files', async () => {
  let written = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(rows, { minLength: 1, maxLength: 3 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (files, share) => {
        const parts: string[] = []
        for (const file of files) parts.push(await write(`random-${written++}`, selectOf(file)))
        const found = await resultsOf(parts, [
          unique([KEY]),
          noDuplicateRows(),
          increasing(VALUE),
          increasing(VALUE, { strictly: true }),
          uniqueShare(KEY, { min: 2 }),
          mostCommonShare(KEY, { min: 2 }),
          quantileBetween(VALUE, share, { min: 1e300 }),
        ])
        const seen = { keys: new Set<string>(), rows: new Set<string>() }
        const isGreater = (a: number, b: number) => (Number.isNaN(a) ? !Number.isNaN(b) : a > b)
        for (const [at, file] of files.entries()) {
          const rowsWhere = (isBad: (row: Row, index: number) => boolean): number[] =>
            file.flatMap((row, index) => (isBad(row, index) ? [index + 1] : []))
          const repeats = (set: Set<string>, text: string): boolean => set.size === set.add(text).size
          const falls = (index: number, isFall: (before: number, now: number) => boolean): boolean => {
            const [before, now] = [file[index - 1]?.[1] ?? null, file[index]![1]]
            return before !== null && now !== null && isFall(before, now)
          }
          const counts = new Map<string, number>()
          for (const [key] of file) if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1)
          const known = [...counts.values()].reduce((sum, count) => sum + count, 0)
          const values = file.flatMap(([, value]) => value ?? [])
          const shown = (list: number[]): number[] => list.slice(0, 5)
          const [key, row, fall, notRise, once, most, middle] = found[at]!
          expect(key!.failingRows).toEqual(shown(rowsWhere(([k]) => k !== null && repeats(seen.keys, k))))
          expect(row!.failingRows).toEqual(shown(rowsWhere(([k, v]) => repeats(seen.rows, `${k} ${v}`))))
          expect(fall!.failingRows).toEqual(shown(rowsWhere((_, index) => falls(index, isGreater))))
          expect(notRise!.failingRows).toEqual(
            shown(rowsWhere((_, index) => falls(index, (a, b) => !isGreater(b, a)))),
          )
          expect(once!.observed).toEqual(
            known === 0 ? null : [...counts.values()].filter((n) => n === 1).length / known,
          )
          expect(most!.observed).toEqual(known === 0 ? null : Math.max(...counts.values()) / known)
          if (values.length === 0) expect(middle!.observed).toBeNull()
          else expectNear(middle!.observed, quantile(values, share))
        }
      },
    ),
    { numRuns: 30 },
  )
})

it('does the same over more rows than it holds at once, in several files', async () => {
  const select = (from: number, to: number): string =>
    `SELECT concat('k', range % 1100001) AS ${KEY}, ((range * 48271) % 2147483647) / 1000 AS ${VALUE} FROM range(${from}, ${to})`
  const parts = [
    await write('many-1', select(0, 1_000_000)),
    await write('many-2', select(1_000_000, 1_200_000)),
  ]
  const expectations = [unique([KEY]), quantileBetween(VALUE, 0.9, { min: 1e300 }), increasing(VALUE)]
  const [first, second] = await resultsOf(parts, expectations)
  expect([first![0]!.failing, second![0]!.failing]).toEqual([0, 1_200_000 - 1_100_001])
  expect(second![0]!.failingRows[0]).toBe(100_002)
  for (const [at, results] of [first!, second!].entries()) {
    const [exact] = await analytics.query(
      `SELECT quantile_cont(${VALUE}, 0.9) AS q, count(*) FILTER (falls) AS falls FROM (SELECT ${VALUE}, ${VALUE} < lag(${VALUE}) OVER (ORDER BY file_row_number) AS falls FROM read_parquet('${parts[at]!}', file_row_number = true))`,
    )
    expectNear(results[1]!.observed, Number(exact!['q']))
    expect(results[2]!.failing).toBe(exact!['falls'])
  }
}, 60_000)

it('looks anywhere for a quantile that its sketch did not place', async () => {
  // A sketch of two far heaps places a quantile between them where no value is.
  const part = await write(
    'heaps',
    `SELECT '' AS ${KEY}, CASE WHEN range % 1000 < 499 THEN range / 1e9 ELSE 1e12 + range END AS ${VALUE} FROM range(300000)`,
  )
  const shares = [0, 0.001, 0.25, 0.4989, 0.499, 0.5, 0.75, 0.999, 1]
  const [found] = await resultsOf(
    [part],
    shares.map((share) => quantileBetween(VALUE, share, { min: 1e300 })),
  )
  const [exact] = await analytics.query(
    `SELECT quantile_cont(${VALUE}, [${shares.join(', ')}]) AS q FROM '${part}'`,
  )
  for (const [at, value] of (exact!['q'] as number[]).entries()) expectNear(found![at]!.observed, value)
})
