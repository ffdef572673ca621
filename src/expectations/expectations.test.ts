import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import {
  between,
  castable,
  columns,
  distinctCount,
  finite,
  freshness,
  inSet,
  increasing,
  length,
  lessOrEqual,
  matches,
  meanBetween,
  noDuplicateRows,
  notNull,
  quantileBetween,
  rowCount,
  sqlCheck,
  unique,
} from './definition.ts'
import type { Expectation } from './definition.ts'
import type { Column } from '../sources/schema.ts'
import { validate } from './validation.ts'

const analytics = openDuckDb()
const folder = mkdtempSync(join(tmpdir(), 'tidemill-expect-'))
const part = join(folder, 'rows.parquet')
const COLUMNS: Column[] = [
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'delay', type: 'BIGINT' },
  { name: 'share', type: 'DOUBLE' },
  { name: 'origin', type: 'VARCHAR' },
  { name: 'text', type: 'VARCHAR' },
  { name: 'open', type: 'BOOLEAN' },
]
const NEWEST_MS = Date.UTC(2001, 0, 4)

beforeAll(async () => {
  await analytics.execute(`COPY (SELECT * FROM (VALUES
    (TIMESTAMP '2001-01-01', 1::BIGINT, 0.5::DOUBLE, 'ATL', '7', true),
    (TIMESTAMP '2001-01-02', 5, 'nan', 'LAX', 'x7', true),
    (TIMESTAMP '2001-01-03', 3, 2.0, NULL, '2001-01-01', false),
    (TIMESTAMP '2001-01-03', 3, 2.0, NULL, '2001-01-01', false),
    (TIMESTAMP '2001-01-04', NULL, -1.0, 'lax', NULL, NULL)
  ) t("at", delay, share, origin, text, open)) TO '${part}' (FORMAT parquet)`)
})

afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

async function check(expectations: Expectation[]) {
  await using session = await analytics.session()
  const context = { columns: COLUMNS, time: 'at', nowMs: NEWEST_MS + 3_600_000, history: undefined }
  const { results } = await validate(session, [{ path: 'rows.csv', part }], expectations, context)
  return results.filter((result) => result.title !== 'at is known')
}

/** Each expectation with the rows that fail it, none when it holds. */
const onRows: readonly [Expectation, number[]][] = [
  [notNull('delay'), [5]],
  [unique('at'), [4]],
  [unique(['at', 'origin']), []],
  [noDuplicateRows(), [4]],
  [inSet('origin', ['ATL', 'LAX']), [5]],
  [inSet('delay', [1, 3]), [2]],
  [inSet('open', [true, false]), []],
  [inSet('open', [true]), [3, 4]],
  [between('delay', 2, 4), [1, 2]],
  [between('delay', undefined, 4), [2]],
  [between('at', '2001-01-02', '2001-01-03'), [1, 5]],
  [matches('origin', /^[A-Z]{3}$/), [5]],
  [matches('origin', /^[A-Z]{3}$/i), []],
  [length('text', { min: 2, max: 5 }), [1, 3, 4]],
  [castable('text', 'number'), [2, 3, 4]],
  [castable('text', 'timestamp'), [1, 2]],
  [finite('share'), [2]],
  [lessOrEqual('share', 'delay'), [2]],
  [increasing('at'), []],
  [increasing('at', { strictly: true }), [4]],
  [increasing('delay'), [3]],
  [sqlCheck('even days', 'SELECT file_row_number FROM dataset WHERE day("at") % 2 = 0'), [2, 5]],
]

it('finds exactly the rows that break an expectation, all in one scan', async () => {
  const results = await check(onRows.map(([expectation]) => expectation))
  expect(
    results.map(({ check: name, failingRows, passed }) => ({ check: name, rows: failingRows, passed })),
  ).toEqual(onRows.map(([{ check: name }, rows]) => ({ check: name, rows, passed: rows.length === 0 })))
})

/** Each expectation with what is measured and whether that is right. */
const onFiles: readonly [Expectation, number | null, boolean][] = [
  [rowCount({ min: 5, max: 5 }), 5, true],
  [rowCount({ min: 6 }), 5, false],
  [meanBetween('delay', { min: 3, max: 3 }), 3, true],
  [meanBetween('delay', { max: 2.9 }), 3, false],
  [quantileBetween('delay', 0.5, { min: 3, max: 3 }), 3, true],
  [quantileBetween('delay', 1, { max: 4 }), 5, false],
  [distinctCount('origin', { min: 3, max: 3 }), 3, true],
  [distinctCount('origin', { max: 2 }), 3, false],
  [freshness('1h'), 3_600_000, true],
  [freshness('59m'), 3_600_000, false],
]

it('measures a file as a whole', async () => {
  const results = await check(onFiles.map(([expectation]) => expectation))
  expect(results.map(({ observed, passed }) => [observed, passed])).toEqual(
    onFiles.map(([, observed, passed]) => [observed, passed]),
  )
})

it('checks names and kinds of columns', async () => {
  const results = await check([
    columns({ at: 'timestamp', delay: 'number', origin: 'category' }),
    columns({ at: 'timestamp', carrier: 'category', delay: 'category' }),
    columns(
      { at: 'any', delay: 'any', share: 'any', origin: 'any', text: 'any' },
      { exact: true, severity: 'warn' },
    ),
    meanBetween('origin', { min: 1 }),
    notNull('nowhere'),
  ])
  expect(results.map(({ passed, message }) => (passed ? 'passed' : message))).toEqual([
    'passed',
    'rows.csv: the column carrier is missing; the column delay is a number, it must be a category',
    'rows.csv: unexpected columns: open',
    'rows.csv: the column origin is a category, it must be a number',
    'rows.csv: the column nowhere is missing',
  ])
})

it('tolerates as many failing rows as it is told to', async () => {
  const results = await check([
    notNull('origin', { maxCount: 2 }),
    notNull('origin', { maxCount: 1 }),
    notNull('origin', { maxShare: 0.4 }),
    notNull('origin', { maxShare: 0.39 }),
    notNull('origin', { maxCount: 5, maxShare: 0.39 }),
  ])
  expect(results.map(({ passed, failing }) => [failing, passed])).toEqual([
    [2, true],
    [2, false],
    [2, true],
    [2, false],
    [2, false],
  ])
})

it('refuses a dataset definition with an option that does not exist', () => {
  expect(() => between('delay', 0, 1, { maxshare: 1 } as object)).toThrow('maxshare')
  expect(() => matches('origin', /a/y)).toThrow('the only flag')
})
