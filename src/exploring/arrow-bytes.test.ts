import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, describe, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { readItem } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import { arrowBytes } from './arrow-bytes.ts'

const DATA = join(import.meta.dirname, '../../node_modules/vega-datasets/data')
const analytics = openDuckDb()
const folder = mkdtempSync(join(tmpdir(), 'tidemill-arrow-'))
afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const EVERY: Column[] = [
  { name: 'flag', type: 'BOOLEAN' },
  { name: 'whole', type: 'BIGINT' },
  { name: 'number', type: 'DOUBLE' },
  { name: 'the "text"', type: 'VARCHAR' },
  { name: 'day', type: 'DATE' },
  { name: 'clock', type: 'TIME' },
  { name: 'moment', type: 'TIMESTAMP' },
  { name: 'bytes', type: 'BLOB' },
]
const EVERY_SQL = `SELECT * FROM (VALUES
  (true, 9223372036854775807::BIGINT, 0.1::DOUBLE, 'Zürich 東京 🛫', DATE '2001-02-28', TIME '23:59:59.999999', TIMESTAMP '2001-02-28 10:11:12.123456', 'a\\x00\\xFF'::BLOB),
  (false, -9223372036854775808, 'nan', '', DATE '1969-12-31', TIME '00:00:00', TIMESTAMP '1969-12-31 23:59:59.999999', ''::BLOB),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (true, 9007199254740993, '-inf', 'x', DATE '0001-01-01', TIME '12:00:00.000001', TIMESTAMP '0001-01-01 00:00:00', 'z'::BLOB)
) t(flag, whole, number, "the ""text""", day, clock, moment, bytes)`

async function write(name: string, sql: string, columns: readonly Column[]): Promise<string> {
  const path = join(folder, name)
  await using session = await analytics.session({ threads: 1 })
  const rows = arrowBytes(session, sql, { columns, isFile: name.endsWith('.arrow') })
  await pipeline(Readable.from(rows), createWriteStream(path))
  return path
}

/** The part that an Arrow source makes of a file. */
async function asPart(path: string, known: Column[]): Promise<string> {
  const target = `${path}.parquet`
  await using session = await analytics.session({ threads: 1 })
  const read = await readItem(
    session,
    {
      path,
      sha256: '',
      changed: true,
      reading: { format: 'arrow', delimiter: ',', compression: 'none' },
      isTreated: true,
      seen: null,
      use: (work) => work(path),
      requireUnchanged: async () => undefined,
    },
    { known: [], time: undefined, treatments: { columns: new Map() }, folder, target },
  )
  expect(read).toEqual(known)
  return target
}

async function countDifferent(sql: string, part: string): Promise<unknown> {
  const select = `SELECT * FROM read_parquet('${part}')`
  const [row] = await analytics.query(
    `SELECT (SELECT count(*) FROM (${sql} EXCEPT ALL ${select})) + (SELECT count(*) FROM (${select} EXCEPT ALL ${sql})) AS n`,
  )
  return row!['n']
}

describe.each(['arrow', 'arrows'])('rows as .%s', (format) => {
  it('are read again as they were, in every type, whole numbers and microseconds exactly', async () => {
    const part = await asPart(await write(`every.${format}`, EVERY_SQL, EVERY), EVERY)
    expect(await countDifferent(EVERY_SQL, part)).toBe(0)
  })

  it('are read again when they are real and many', async () => {
    const columns: Column[] = [
      { name: 'date', type: 'TIMESTAMP' },
      { name: 'delay', type: 'BIGINT' },
      { name: 'distance', type: 'BIGINT' },
      { name: 'origin', type: 'VARCHAR' },
    ]
    const sql = `SELECT CAST(date AS TIMESTAMP) AS date, CAST(delay AS BIGINT) AS delay, CAST(distance AS BIGINT) AS distance, origin FROM (FROM '${DATA}/flights-3m.parquet' LIMIT 200000)`
    const part = await asPart(await write(`flights.${format}`, sql, columns), columns)
    expect(await countDifferent(sql, part)).toBe(0)
  })

  it('have their columns also when there are none', async () => {
    const path = await write(`none.${format}`, `${EVERY_SQL} WHERE false`, EVERY)
    expect(await countDifferent(`${EVERY_SQL} WHERE false`, await asPart(path, EVERY))).toBe(0)
  })
})

it('has small batches of long values and of many columns', async () => {
  await using session = await analytics.session({ threads: 1 })
  const batchesOf = async (sql: string, columns: Column[]): Promise<number[]> => {
    const bytes: Uint8Array[] = []
    for await (const each of arrowBytes(session, sql, { columns, isFile: false })) bytes.push(each)
    return tableFromIPC(Buffer.concat(bytes)).batches.map(({ numRows }) => numRows)
  }
  const long = await batchesOf(`SELECT repeat('x', 10000) AS long FROM range(9000)`, [
    { name: 'long', type: 'VARCHAR' },
  ])
  expect(Math.max(...long)).toBeLessThanOrEqual(3_200)
  const names = Array.from({ length: 400 }, (_, at) => `c${at}`)
  const wide = await batchesOf(
    `SELECT ${names.map((name) => `range AS ${name}`).join(', ')} FROM range(9000)`,
    names.map((name) => ({ name, type: 'BIGINT' })),
  )
  expect(Math.max(...wide)).toBeLessThanOrEqual(2500)
  expect(wide.reduce((sum, rows) => sum + rows, 0)).toBe(9_000)
})
