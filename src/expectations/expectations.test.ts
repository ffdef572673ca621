import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import {
  between,
  castable,
  columns,
  distinctCount,
  distinctShare,
  finite,
  format,
  freshness,
  inSet,
  increasing,
  length,
  lessOrEqual,
  matches,
  meanBetween,
  mostCommonShare,
  noDuplicateRows,
  notNull,
  quantileBetween,
  references,
  rowCount,
  rowCountChange,
  sqlCheck,
  standardDeviationBetween,
  sumBetween,
  unique,
  uniqueShare,
  valueShare,
} from './definition.ts'
import type { Expectation } from './definition.ts'
import { formatCondition, type TextFormat } from './formats.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
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
const AIRPORTS = {
  reference: 'airports@2',
  columns: [{ name: 'iata', type: 'VARCHAR' as const }],
  scan: "SELECT * FROM (VALUES ('ATL'), ('lax'), (NULL)) t(iata)",
}
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
  const { results } = await run(expectations)
  return results.filter((result) => result.title !== 'at is known')
}

async function run(expectations: Expectation[], files = [{ path: 'rows.csv', part, columns: COLUMNS }]) {
  await using session = await analytics.session()
  const context = {
    columns: COLUMNS,
    time: 'at',
    nowMs: NEWEST_MS + 3_600_000,
    history: undefined,
    earlierRows: [2, 10, 4],
    references: new Map([['airports', AIRPORTS]]),
  }
  return await validate(session, files, expectations, context)
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
  [sqlCheck('the late ones', 'SELECT * FROM dataset ORDER BY delay DESC NULLS LAST LIMIT 1'), [2]],
  [notNull('delay', { when: "origin <> 'lax'" }), []],
  [notNull('origin', { when: 'delay = 3' }), [3, 4]],
  [format('text', 'date'), [1, 2]],
  [references('origin', { dataset: 'airports', columns: 'iata' }), [2]],
]

it('finds exactly the rows that break an expectation, all in one scan', async () => {
  const results = await check(onRows.map(([expectation]) => expectation))
  expect(
    results.map(({ check: name, failingRows, passed }) => ({ check: name, rows: failingRows, passed })),
  ).toEqual(onRows.map(([{ check: name }, rows]) => ({ check: name, rows, passed: rows.length === 0 })))
})

it('says of each of several files what it says of one alone', async () => {
  const twin = join(folder, 'twin.parquet')
  copyFileSync(part, twin)
  // Rows that repeat are looked for among all.
  const checks = [...onRows, ...onFiles]
    .map(([expectation]) => expectation)
    .filter((each) => !['unique', 'noDuplicateRows'].includes(each.check))
  const ofOne = await run(checks)
  const { results } = await run(checks, [
    { path: 'rows.csv', part, columns: COLUMNS },
    { path: 'twin.csv', part: twin, columns: COLUMNS },
  ])
  const facts = ({ check, failing, failingRows, observed, passed }: (typeof results)[number]) => ({
    check,
    failing,
    failingRows,
    observed,
    passed,
  })
  for (const path of ['rows.csv', 'twin.csv'])
    expect(results.filter(({ file }) => file === path).map(facts)).toEqual(ofOne.results.map(facts))
})

it('finds a pattern anywhere in a text, as JavaScript does', async () => {
  const texts = [
    'abc',
    'ABC',
    'xabcx',
    'a.c',
    'abc\n',
    'x\nabc\ny',
    '',
    '^abc$',
    'äbc',
    'b',
    'cd',
    'a|b',
    '7 a',
  ]
  const patterns = [
    /abc/,
    /^abc$/,
    /^abc/,
    /bc$/,
    /^a|d$/,
    /a.c/,
    /^$/,
    /[a-c]{2}/i,
    /(?:b|x)c/,
    /a\|b/,
    /\d a/,
    /./,
    /^[^x]+$/,
  ]
  const place = join(folder, 'texts.parquet')
  const rows = texts.map((text) => `(${quoteLiteral(text)})`).join(', ')
  await analytics.execute(`COPY (SELECT * FROM (VALUES ${rows}) t(text)) TO '${place}' (FORMAT parquet)`)
  const columns: Column[] = [{ name: 'text', type: 'VARCHAR' }]
  await using session = await analytics.session()
  const context = {
    columns,
    time: undefined,
    nowMs: 0,
    history: undefined,
    earlierRows: [],
    references: new Map(),
  }
  const file = { path: 'texts', part: place, columns }
  const { results } = await validate(
    session,
    [file],
    patterns.map((pattern) => matches('text', pattern)),
    context,
  )
  for (const [index, pattern] of patterns.entries()) {
    const failing = texts.filter((text) => !pattern.test(text)).length
    expect({ pattern, failing: results[index]!.failing }).toEqual({ pattern, failing })
  }
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
  [rowCountChange({ min: 1.2, max: 1.3 }), 1.25, true],
  [rowCountChange({ min: 0.8, max: 1.2 }, { last: 2 }), 5 / 7, false],
  [sumBetween('delay', { min: 12, max: 12 }), 12, true],
  [standardDeviationBetween('delay', { max: 1.6 }), Math.sqrt(8 / 3), false],
  [distinctShare('delay', { min: 0.75, max: 0.75 }), 0.75, true],
  [uniqueShare('delay', { max: 0.5 }), 0.5, true],
  [mostCommonShare('delay', { max: 0.4 }), 0.5, false],
  [valueShare('open', true, { min: 0.5 }), 0.5, true],
  [valueShare('origin', 'ATL', { min: 0.5 }), 1 / 3, false],
  [freshness('1h'), 3_600_000, true],
  [freshness('59m'), 3_600_000, false],
]

const FORMATS = {
  email: [
    ['a.b+c@example.org', "o'neil@mail.example.co.uk"],
    ['a@b', '@example.org', 'a b@example.org', 'a@-b.org'],
  ],
  uuid: [['018f4f3e-7d3a-7c5e-9b1a-2f6d3c4b5a69'], ['018f4f3e7d3a7c5e9b1a2f6d3c4b5a69', 'x']],
  date: [['2001-02-28'], ['2001-02-30', '2001-2-3', '28.02.2001']],
  timestamp: [
    ['2001-02-28T10:00', '2001-02-28 10:00:00.123Z', '2001-02-28T10:00:00+02:00'],
    ['2001-02-28', '2001-02-28T25:00', '10:00'],
  ],
  url: [
    ['http://localhost:8080/a?b=c', 'HTTPS://example.org', 'ftp://a.b/c#d'],
    ['example.org', 'http://', 'http://a b', 'javascript:alert(1)'],
  ],
  ip: [
    ['10.0.0.1', '255.255.255.255', '::1', '2001:db8::ff00:42:8329', '::ffff:192.0.2.1', '1:2:3:4:5:6:7:8'],
    ['256.1.1.1', '1.2.3', '1:2:3', '01.2.3.4', ':::', '1::2::3'],
  ],
  phone: [
    ['+1 (404) 555-0100', '030/1234567', '5550100'],
    ['12345', '555-CALL-NOW', '+', '1'.repeat(16)],
  ],
} as const

it.each(Object.entries(FORMATS))('tells what is written as %s', async (name, [good, bad]) => {
  const condition = formatCondition(name as TextFormat, 'text')
  const rows = await analytics.query(
    `SELECT text FROM (VALUES ${[...good, ...bad].map((text) => `(${quoteLiteral(text)})`).join(', ')}) t(text) WHERE ${condition}`,
  )
  expect(rows.map(({ text }) => text)).toEqual(good)
})

it('keeps the rows that fail, whichever way their check was computed', async () => {
  const { failingRows, results } = await run([
    notNull('delay'),
    sqlCheck('the first', 'SELECT file_row_number FROM dataset ORDER BY "at" LIMIT 1'),
    sqlCheck('low share', 'SELECT * FROM dataset WHERE share < 0;'),
  ])
  expect(results.map(({ failing }) => failing)).toEqual([0, 1, 1, 1])
  expect(failingRows.map(({ row, checks, values }) => [row, checks, values['text']])).toEqual([
    [1, ['the first'], '7'],
    [5, ['delay is known', 'low share'], null],
  ])
})

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
    columns({ delay: 'BIGINT', share: 'BIGINT' }),
    columns({ at: 'any', origin: 'any', delay: 'any' }, { ordered: true }),
    columns({ at: 'any', delay: 'any', open: 'any' }, { ordered: true }),
    meanBetween('origin', { min: 1 }),
    notNull('nowhere'),
    notNull('delay', { when: 'nowhere = 1' }),
    sqlCheck('broken', 'SELECT * FROM dataset WHERE nowhere = 1'),
    sqlCheck('no number', 'SELECT * FROM dataset WHERE CAST(origin AS BIGINT) = 1'),
    references('delay', { dataset: 'airports', columns: 'iata' }),
    references('origin', { dataset: 'cities' }),
  ])
  expect(results.map(({ passed, message }) => (passed ? 'passed' : message))).toEqual([
    'passed',
    'rows.csv: the column carrier is missing; the column delay is a number, it must be a category',
    'rows.csv: unexpected columns: open',
    'rows.csv: the column share is DOUBLE, it must be BIGINT',
    'rows.csv: the columns come in the order at, delay, origin, it must be at, origin, delay',
    'passed',
    'rows.csv: the column origin is a category, it must be a number',
    'rows.csv: the column nowhere is missing',
    expect.stringContaining("rows.csv: the condition nowhere = 1 can't be read: DuckDB: Binder Error"),
    expect.stringContaining('rows.csv: DuckDB: Binder Error'),
    expect.stringContaining("Could not convert string 'ATL' to INT64"),
    'rows.csv: the column delay is a number, airports.iata is a category',
    'rows.csv: the dataset cities has no version yet',
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
