import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DatasetDefinition } from '../data/definition.ts'
import { validate } from '../expectations/expectations.ts'
import type { Expectation } from '../expectations/definition.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import type { Column } from '../sources/schema.ts'
import { inferFiles } from './infer-rows.ts'
import { infer, inferredCode } from './inferring.ts'

const DATA = join(import.meta.dirname, '../../node_modules/vega-datasets/data')
const analytics = openDuckDb()
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-inferring-'))
})
afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

let written = 0
/** What the code exports, as a project that a person saved would have it. */
async function run(code: string): Promise<Record<string, unknown>> {
  const path = join(folder, `inferred-${written++}.ts`)
  const tidemill = join(import.meta.dirname, '../project/project.ts')
  writeFileSync(path, code.replace("from 'tidemill'", `from '${tidemill}'`))
  return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as Record<string, unknown>
}

async function definitionIn(code: string): Promise<DatasetDefinition> {
  return Object.values(await run(code))[0] as DatasetDefinition
}

async function failuresOf(part: string, columns: Column[], expectations: readonly Expectation[]) {
  await using session = await analytics.session()
  const { results } = await validate(session, [{ path: 'rows', part, columns }], expectations, {
    columns,
    time: undefined,
    nowMs: 0,
    history: undefined,
    earlierRows: [],
    references: new Map(),
  })
  return results.filter(({ passed }) => !passed)
}

/** The rows of real data as a part, perhaps changed by SQL. */
async function part(file: string, select = '*'): Promise<string> {
  const path = join(folder, `part-${written++}.parquet`)
  await analytics.execute(`COPY (SELECT ${select} FROM '${DATA}/${file}') TO '${path}' (FORMAT parquet)`)
  return path
}

/** Real data, how they are broken, and which checks must say so. */
const BROKEN = [
  [
    'seattle-weather.csv',
    `* REPLACE (CASE WHEN date = '2012-02-01' THEN NULL ELSE wind END AS wind,
       CASE WHEN date = '2013-01-01' THEN 'hail' ELSE weather END AS weather,
       CASE WHEN date = '2014-01-01' THEN temp_max + 90 ELSE temp_min END AS temp_min)`,
    ['between:temp_min', 'notNull:wind', 'inSet:weather', 'lessOrEqual:temp_min:temp_max'],
  ],
  [
    'penguins.json',
    `* REPLACE (-"Body Mass (g)" AS "Body Mass (g)", 'Emu' AS Species)`,
    ['inSet:Species', 'between:Body Mass (g)'],
  ],
  [
    'movies.json',
    '* REPLACE ("IMDB Rating" * 10 AS "IMDB Rating", NULL::VARCHAR AS "Major Genre")',
    ['notNull:Major Genre', 'between:IMDB Rating'],
  ],
  ['airports.csv', "* REPLACE (lower(state) AS state, 'ATL' AS iata)", ['unique:iata', 'matches:state']],
] as const

describe.each(BROKEN)('what is inferred from %s', (file, broken, found) => {
  it('runs as code, holds of the same rows, and fails on broken ones', async () => {
    const { code, inferred } = await inferFiles(join(DATA, file), { target: undefined })
    const { expect: expectations, source } = await definitionIn(code)
    expect(source).toMatchObject({ type: 'files', glob: expect.stringContaining(file) })
    const all = [inferred.table, ...inferred.columns.map(({ proposals }) => proposals), inferred.rest].flat()
    expect(expectations).toEqual(all.map(({ expectation }) => expectation))
    expect(expectations.length).toBeGreaterThan(10)
    const columns = inferred.evidence.columns.map(({ name, type }) => ({ name, type }))
    expect(await failuresOf(await part(file), columns, expectations)).toEqual([])
    const wrong = (await failuresOf(await part(file, broken), columns, expectations)).map(({ key }) => key)
    expect(wrong).toEqual(found)
  })
})

it('gives each expectation with what was seen', async () => {
  const { code } = await inferFiles(join(DATA, 'seattle-weather.csv'), { target: undefined })
  for (const line of [
    "time: 'date', // 2012-01-01 … 2015-12-31, known in every row",
    "notNull('wind'), // 0 of 1,461 rows are null",
    "unique('date'), // 1,461 values, none occurs twice",
    "increasing('date'), // no row is before the one above it in its file",
    "inSet('weather', ['rain', 'sun', 'fog', 'drizzle', 'snow']), // 5 values: rain 43.9 %, sun 43.8 %, fog 6.9 %, drizzle 3.6 %, snow 1.8 %",
    "lessOrEqual('temp_min', 'temp_max'), // true of all 1,461 rows that have both",
  ])
    expect(code).toContain(line)
})

/** 6,000 of the real flights with columns that a model may not have. */
async function flights(): Promise<{ path: string; columns: Column[] }> {
  const path = join(folder, 'flights.parquet')
  await analytics.execute(
    `COPY (SELECT row_number() OVER () AS flight_id, CAST(date AS TIMESTAMP) AS date, CAST(delay AS BIGINT) AS delay, CAST(distance AS BIGINT) AS distance, origin,
       delay > 15 AS late, CASE WHEN delay > 15 THEN 'yes' ELSE 'no' END AS "wasLate", CAST(date AS TIMESTAMP) + to_minutes(CAST(60 + distance AS INT)) AS "arrivedAt",
       uuid()::VARCHAR AS token, CASE WHEN hash(date, distance) % 500 = 0 THEN 'x' || origin || '@example.org' ELSE origin || '@example.org' END AS contact
     FROM '${DATA}/flights-3m.parquet' USING SAMPLE reservoir(6000 ROWS) REPEATABLE (3)) TO '${path}' (FORMAT parquet)`,
  )
  const columns: Column[] = [
    { name: 'flight_id', type: 'BIGINT' },
    { name: 'date', type: 'TIMESTAMP' },
    { name: 'delay', type: 'BIGINT' },
    { name: 'distance', type: 'BIGINT' },
    { name: 'origin', type: 'VARCHAR' },
    { name: 'late', type: 'BOOLEAN' },
    { name: 'wasLate', type: 'VARCHAR' },
    { name: 'arrivedAt', type: 'TIMESTAMP' },
    { name: 'token', type: 'VARCHAR' },
    { name: 'contact', type: 'VARCHAR' },
  ]
  return { path, columns }
}

it('names what would be cheating, with numbers, and splits by whole days', async () => {
  const { path, columns } = await flights()
  await using session = await analytics.session()
  const inferred = await infer(session, { parts: [path], columns }, { target: 'late' })
  const { task, split, suspects, powers } = inferred.target!
  expect(task).toMatchObject({ task: 'binary', positive: 'true' })
  expect(split).toMatchObject({ by: 'time', column: 'date', holdoutDays: expect.any(Number) })
  expect(split.holdoutDays).toBeGreaterThan(30)
  expect(split.holdoutDays).toBeLessThan(45)
  const verdicts = Object.fromEntries(suspects.map(({ column, verdict }) => [column, verdict]))
  expect(verdicts).toEqual({
    delay: 'leak',
    wasLate: 'leak',
    flight_id: 'leak',
    token: 'leak',
    arrivedAt: 'doubt',
  })
  const reasons = suspects.flatMap((suspect) => suspect.reasons).join('\n')
  expect(reasons).toContain('an id: each of its values is its own')
  expect(reasons).toContain('alone it predicts the target with AUC 1.000')
  expect(reasons).toContain('its name shares “late” with the target’s')
  expect(reasons).toContain('it is after date in 6,000 of 6,000 rows')
  const distance = powers.find(({ column }) => column === 'distance')!.power
  expect(distance.value).toBeGreaterThan(0.47)
  expect(distance.value).toBeLessThan(0.6)
  const code = inferredCode(inferred, { name: 'flights', source: undefined, origin: 'flights@1' })
  expect(code).toContain("//   const { train, test } = split({ data, time: 'date', holdoutDays: ")
  expect(code).toContain("format('contact', 'email'), // 6,000 of 6,000 are written so")
  expect(code).toContain("format('token', 'uuid'), // 6,000 of 6,000 are written so")
  const { expectations } = (await run(code)) as { expectations: Expectation[] }
  expect(await failuresOf(path, columns, expectations)).toEqual([])
})

it('tells the kinds of tasks apart', async () => {
  const taskOf = async (file: string, target: string) =>
    (await inferFiles(join(DATA, file), { target })).inferred.target!
  expect((await taskOf('penguins.json', 'Species')).task).toMatchObject({ task: 'multiclass' })
  expect((await taskOf('seattle-weather.csv', 'temp_max')).task).toMatchObject({ task: 'forecast' })
  const stocks = await taskOf('stocks.csv', 'price')
  expect(stocks.task.evidence).toContain(
    'one row for each symbol at each date, 100 % of the steps are a month',
  )
  expect(stocks.split).toMatchObject({ by: 'time', column: 'date', isTime: false })
  const movies = await taskOf('movies.json', 'Worldwide Gross')
  expect(movies.task.task).toBe('regression')
  expect(movies.suspects.map(({ column, verdict }) => [column, verdict])).toEqual([
    ['Title', 'leak'],
    ['US Gross', 'doubt'],
  ])
  const birds = await taskOf('penguins.json', 'Body Mass (g)')
  expect([birds.task.task, birds.split.by]).toEqual(['regression', 'random'])
  await expect(taskOf('penguins.json', 'Colour')).rejects.toThrow('There is no column Colour to predict')
})

it('says of a file that can not be read what is wrong with it', async () => {
  writeFileSync(join(folder, 'bad.csv'), 'a,b\n1,2\n3\n')
  await expect(inferFiles(join(folder, 'bad.csv'), { target: undefined })).rejects.toThrow(
    /bad\.csv: 1 of 2 rows/,
  )
  await expect(inferFiles(join(folder, 'none.csv'), { target: undefined })).rejects.toThrow('No file matches')
  expect(readFileSync(join(folder, 'bad.csv'), 'utf8')).toContain('a,b')
})
