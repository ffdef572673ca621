import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { normalise } from './parts.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')
const REAL = join(import.meta.dirname, '../../node_modules/vega-datasets/data')

const analytics = openDuckDb()
let session: AnalyticsSession
let folder: string
beforeAll(async () => {
  session = await analytics.session({ threads: 1 })
})
afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await analytics[Symbol.asyncDispose]()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-arrow-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function read(path: string) {
  const target = join(folder, 'part.parquet')
  const input = { path, format: 'arrow', delimiter: ',', known: [], time: undefined, target } as const
  const columns = await normalise(session, { ...input, treatments: { columns: new Map() } })
  return Array.isArray(columns)
    ? { columns, rows: await session.query('SELECT * FROM read_parquet(?)', [target]), message: '' }
    : { columns: [], rows: [], message: columns.message }
}

it('reads a real file: 200,000 flights', async () => {
  const { columns, rows } = await read(join(REAL, 'flights-200k.arrow'))
  expect(columns).toEqual([
    { name: 'delay', type: 'BIGINT' },
    { name: 'distance', type: 'BIGINT' },
    { name: 'time', type: 'DOUBLE' },
  ])
  const same = JSON.parse(readFileSync(join(REAL, 'flights-200k.json'), 'utf8')) as Record<string, number>[]
  expect(rows).toHaveLength(same.length)
  for (const at of [0, 1, 99_999, 199_999]) {
    const { delay, distance, time } = same[at]!
    expect(rows[at]).toMatchObject({ delay, distance })
    expect(rows[at]!['time']).toBeCloseTo(time!, 3)
  }
})

it.each([
  ['a file compressed with LZ4, as pandas writes it', 'types-lz4.feather', 300],
  ['a file compressed with Zstandard', 'types-zstd.feather', 300],
  ['a stream', 'types.arrows', 30],
])('reads %s (by pyarrow), every type as parts have it', async (_, name, count) => {
  const { columns, rows, message } = await read(join(FIXTURES, name))
  expect(message).toBe('')
  expect(Object.fromEntries(columns.map((column) => [column.name, column.type]))).toEqual({
    i8: 'BIGINT',
    u32: 'BIGINT',
    i64: 'BIGINT',
    u64: 'DOUBLE',
    f32: 'DOUBLE',
    f64: 'DOUBLE',
    ok: 'BOOLEAN',
    text: 'VARCHAR',
    large: 'VARCHAR',
    raw: 'BLOB',
    day: 'DATE',
    micros: 'TIMESTAMP',
    zoned: 'TIMESTAMP',
    clock: 'TIME',
    money: 'DOUBLE',
    kind: 'VARCHAR',
    list: 'VARCHAR',
    struct: 'VARCHAR',
    none: 'VARCHAR',
  })
  expect(rows).toHaveLength(count)
  const exact = await session.query(
    `SELECT CAST(i64 AS VARCHAR) AS i64, CAST(micros AS VARCHAR) AS micros, CAST(clock AS VARCHAR) AS clock, hex(raw) AS raw
     FROM read_parquet(?) LIMIT 2`,
    [join(folder, 'part.parquet')],
  )
  expect(exact).toEqual([
    { i64: '9007199254740993', micros: '2001-01-15 10:00:00.123457', clock: '10:30:15.00025', raw: '00FF' },
    { i64: '-5', micros: '1969-12-31 23:59:59.999999', clock: '00:00:00', raw: '' },
  ])
  expect(rows[0]).toMatchObject({
    i8: 1,
    u32: 4294967295,
    u64: 2 ** 63,
    f32: 0.5,
    f64: 0.1,
    ok: true,
    text: 'Ä“,"x"\n',
    large: 'b',
    day: Date.UTC(2001, 0, 15),
    zoned: Date.UTC(2001, 0, 15, 10),
    money: 12.34,
    kind: 'a',
    list: '[1,2]',
    struct: '{"a":1,"b":"x"}',
    none: null,
  })
  expect(rows[1]).toMatchObject({ f32: Infinity, f64: -1e300, text: '', money: -0.01, list: '[]' })
  expect(Object.values(rows[2]!).every((value) => value === null)).toBe(true)
})

it('says what is wrong with a file that is cut off, damaged, of another kind, or has a column twice', async () => {
  const write = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  const file = readFileSync(join(FIXTURES, 'types-lz4.feather'))
  const stream = readFileSync(join(FIXTURES, 'types.arrows'))
  const damaged = Buffer.from(file)
  damaged.fill(0xff, 4_000, 6_000)
  const twice = Buffer.from(tableToIPC(tableFromArrays({ aa: [1], ab: [2] }), 'file'))
  for (let at = twice.indexOf('ab'); at >= 0; at = twice.indexOf('ab', at)) twice.write('aa', at)
  const messageOf = async (path: string): Promise<string> => (await read(path)).message
  expect(await messageOf(write('empty.arrow', Buffer.alloc(0)))).toBe('it is empty')
  expect(await messageOf(write('cut.arrow', file.subarray(0, 9_000)))).toBe(
    'it breaks off: the mark at the end of a file is missing',
  )
  expect(await messageOf(write('cut.arrows', stream.subarray(0, 3_000)))).toBe(
    'it breaks off: the mark at the end of a stream is missing',
  )
  expect(await messageOf(write('damaged.feather', damaged))).toMatch(/^it can't be read as Arrow: /)
  expect(await messageOf(write('text.arrow', Buffer.from('a,b\n1,2\n3,4\n')))).toBe(
    'it is no Arrow file or stream',
  )
  expect(await messageOf(join(FIXTURES, 'one.feather'))).toContain('Feather version 1')
  expect(await messageOf(write('twice.arrow', twice))).toBe('the column aa is there twice')
})
