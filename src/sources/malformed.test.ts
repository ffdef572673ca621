import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { files } from './definition.ts'
import { probeFiles } from './files.ts'
import { readItem } from './read-item.ts'
import type { Column } from './schema.ts'

/** Real weather and films, mutilated. */
const REAL = join(import.meta.dirname, '../../node_modules/vega-datasets/data')
const WEATHER = readFileSync(join(REAL, 'seattle-weather.csv'))
const FILMS = readFileSync(join(REAL, 'movies.json'))

const analytics = openDuckDb({ memoryLimit: '1GB' })
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
  folder = mkdtempSync(join(tmpdir(), 'tidemill-malformed-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What is wrong with a file of this name and content; its columns when nothing is. Nothing may be left of what is refused. */
async function read(name: string, content: string | Uint8Array, known: readonly Column[] = []) {
  writeFileSync(join(folder, name), content)
  const [item] = await probeFiles(files(name), folder, [])
  const before = readdirSync(folder)
  const target = join(folder, 'part.parquet')
  const treatments = { columns: new Map() }
  const result = await readItem(session, item!, { known, time: undefined, treatments, folder, target })
  if (Array.isArray(result)) {
    rmSync(target)
    return { message: 'fine', columns: result, failingRows: [] }
  }
  expect(readdirSync(folder)).toEqual(before)
  expect(result.message).not.toContain(folder)
  return { columns: [], ...result }
}

async function messageOf(...file: Parameters<typeof read>): Promise<string> {
  return (await read(...file)).message
}

it.each(['csv', 'tsv', 'json', 'ndjson', 'parquet', 'arrow', 'arrows', 'csv.gz', 'csv.zst', 'json.br'])(
  'says that an empty .%s is empty, or that it is no such file',
  async (ending) => {
    expect(await messageOf(`a.${ending}`, '')).toMatch(/it is empty|it can't be decompressed/)
    expect(await messageOf(`b.${ending}`, Buffer.from('\u0001\u0002 nonsense \uffff', 'latin1'))).not.toBe(
      'fine',
    )
  },
)

it('names the row where a CSV breaks off, and the rows that have more or fewer fields', async () => {
  const cut = Buffer.concat([WEATHER.subarray(0, WEATHER.indexOf('\n', 20_000) + 8)])
  const lines = cut.toString('utf8').split('\n').length
  expect(await messageOf('cut.csv', cut)).toBe(
    `1 of ${lines - 1} rows can't be read (line ${lines}: Expected Number of Columns: 6 Found: 1)`,
  )
  const ragged = await read('ragged.tsv', 'a\tb\n1\t2\n3\n4\t5\t6\n7\t8\n')
  expect(ragged.message).toContain(
    "2 of 4 rows can't be read (line 3: Expected Number of Columns: 2 Found: 1)",
  )
  expect(ragged.failingRows.map(({ row }) => row)).toEqual([2, 3])
  expect(await messageOf('open.csv', 'a,b\n1,"two\n3,4\n')).toContain(
    'line 2: Value with unterminated quote found',
  )
  expect(await messageOf('ends.csv', 'a,b\r\n1,2\n3,4\r\n')).toContain(
    'its lines end in different ways (LF and CRLF)',
  )
})

it('says where text is not UTF-8', async () => {
  const latin = Buffer.from('city,n\nOslo,1\nTromsø,2\n', 'latin1')
  expect(await messageOf('latin.csv', latin)).toMatch(/1 of 2 rows can't be read \(line 3: Invalid unicode/)
  const json = Buffer.from('{"city":"Oslo"}\n{"city":"Tromsø"}\n', 'latin1')
  expect(await messageOf('latin.ndjson', json)).toMatch(/at byte \d+ of line 2: invalid UTF-8/)
  const wide = Buffer.from('\ufeffcity,n\nTromsø,2\n', 'utf16le')
  expect(await messageOf('wide.csv', wide)).toBe('it is UTF-16: write it as UTF-8')
  expect(await messageOf('wide.json', Buffer.from('\ufeff[]', 'utf16le'))).toBe(
    'it is UTF-16: write it as UTF-8',
  )
  expect(await messageOf('unmarked.csv', wide.subarray(2))).toContain('line 1 holds a NUL byte')
  expect(await messageOf('nul.csv', 'a,b\n1,2\n3,x\0y\n')).toContain('line 3 holds a NUL byte')
  expect(await messageOf('nul.json', '[{"a":\n"x\0y"}]')).toContain('line 2 holds a NUL byte')
  expect((await read('marked.csv', '\ufeffcity,n\nTromsø,2\n')).columns[0]).toEqual({
    name: 'city',
    type: 'VARCHAR',
  })
  expect(await messageOf('marked.json', '\ufeff[{"a":1}]')).toContain('begins with a byte order mark')
})

it('names row and column of a value of another type', async () => {
  const known: Column[] = [{ name: 'a', type: 'BIGINT' }]
  for (const [name, text] of [
    ['mixed.csv', 'a\n1\nmuch\n3\n'],
    ['mixed.json', '[{"a":1},{"a":"much"},{"a":3}]'],
    ['mixed.ndjson', '{"a":1}\n{"a":"much"}\n{"a":3}\n'],
  ] as const) {
    const result = await read(name, text, known)
    expect(result.message).toBe('1 of 3 rows have a value of the wrong type (row 2: a is "much", no BIGINT)')
    expect(result.failingRows).toEqual([{ row: 2, reason: 'a is "much", no BIGINT', values: { a: 'much' } }])
    expect((await read(`first-${name}`, text)).columns).toEqual([{ name: 'a', type: 'VARCHAR' }])
  }
  await session.execute(`COPY (SELECT 'much' AS a) TO '${join(folder, 'typed')}' (FORMAT parquet)`)
  expect(await messageOf('mixed.parquet', readFileSync(join(folder, 'typed')), known)).toBe(
    'the column a is VARCHAR, it was BIGINT before',
  )
})

it('refuses names that are missing, there twice, or too many', async () => {
  expect(await messageOf('a.csv', 'a,b,a\n1,2,3\n')).toBe('the column a is there twice')
  expect(await messageOf('b.csv', 'a,A\n1,2\n')).toBe('the columns a and A differ only in case')
  expect(await messageOf('c.csv', 'a,\n1,2\n')).toBe('a column has no name')
  expect(await messageOf('h.csv', 'file_index,a\n1,2\n')).toBe('the column name file_index is reserved')
  expect(await messageOf('d.json', '[{"a":1,"a":2}]')).toContain('has duplicate key "a"')
  expect(await messageOf('e.json', '[{"a":1},{"":2}]')).toBe('element 2 has a member without a name')
  const twice = readFileSync(join(import.meta.dirname, 'fixtures/twice.parquet'))
  expect(await messageOf('f.parquet', twice)).toBe('the column a is there twice')
  const names = Array.from({ length: 10_000 }, (_, index) => `column_${index}`)
  const tooMany = /10,000 (columns|members); at most 2,000 are read/
  expect(await messageOf('g.csv', `${names.join(',')}\n${names.join(',')}\n`)).toMatch(tooMany)
  expect(
    await messageOf('h.json', `[${JSON.stringify(Object.fromEntries(names.map((name) => [name, 1])))}]`),
  ).toMatch(tooMany)
  await session.execute(
    `COPY (SELECT ${names.map((name) => `1 AS ${name}`).join(', ')}) TO '${join(folder, 'wide')}' (FORMAT parquet)`,
  )
  expect(await messageOf('i.parquet', readFileSync(join(folder, 'wide')))).toMatch(tooMany)
  expect(await messageOf('j.csv', `${'x'.repeat(1_100_000)}\n1\n`)).toContain(
    'its first line, which names the columns',
  )
})

it('takes a table of names alone only when the types of its columns are known', async () => {
  expect(await messageOf('a.csv', 'a,b\n')).toContain('names columns and has no rows')
  const known: Column[] = [
    { name: 'a', type: 'BIGINT' },
    { name: 'b', type: 'DATE' },
  ]
  expect((await read('b.csv', 'a,b\n', known)).columns).toEqual(known)
})

it('reads objects of many members as columns, all of one type or not', async () => {
  const members = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`m${index}`, index]))
  expect((await read('many.json', JSON.stringify([members]))).columns).toHaveLength(300)
})

it('says where JSON breaks off, and refuses nesting that no reader can follow', async () => {
  expect(await messageOf('cut.json', FILMS.subarray(0, 100_000))).toMatch(
    /at byte \d+ of element \d+: unexpected end of data/,
  )
  expect(await messageOf('cut.ndjson', '{"a":1}\n{"a":2}\n{"a":')).toContain(
    'of line 3: unexpected end of data',
  )
  expect(await messageOf('tail.json', '[{"a":1}] and more')).not.toBe('fine')
  const deep = `[{"a":0},{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}]`
  expect(await messageOf('deep.json', deep)).toBe('element 2 is nested more than 500 deep')
  expect(await messageOf('deep.ndjson', `{"a":0}\n${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}\n`)).toBe(
    'element 2 is nested more than 500 deep',
  )
  expect((await read('shallow.json', `[{"a":${'['.repeat(400)}${']'.repeat(400)}}]`)).message).toBe('fine')
})

it('refuses rows and values without measure, and takes large ones', async () => {
  const long = 'x'.repeat(17_000_000)
  expect(await messageOf('a.csv', `a,b\n1,2\n3,${long}\n`)).toContain('row 2 is longer than 16,000,000 bytes')
  expect(await messageOf('b.csv', `a,b\n1,"${'xxx\n'.repeat(4_250_000)}"\n`)).toContain(
    'row 1 is longer than',
  )
  expect(await messageOf('c.json', `[{"a":1},{"a":"${long}"}]`)).toContain(
    'element 2 is longer than 16,000,000 bytes',
  )
  const large = 'x'.repeat(5_000_000)
  expect(await messageOf('d.csv', `a,b\n1,${large}\n2,"${large.replaceAll('xxxxx', 'xxx""\n')}"\n`)).toBe(
    'fine',
  )
  expect(await messageOf('e.ndjson', `{"a":"${large}"}\n{"a":"y"}\n`)).toBe('fine')
})

it('says what is wrong with Parquet that is cut off, damaged, or grows without measure', async () => {
  await session.execute(`COPY (FROM range(100000)) TO '${join(folder, 'good')}' (FORMAT parquet)`)
  const good = readFileSync(join(folder, 'good'))
  expect(await messageOf('cut.parquet', good.subarray(0, -100))).toContain(
    'No magic bytes found at end of file',
  )
  const damaged = Buffer.concat([
    good.subarray(0, 4),
    Buffer.alloc(good.length >> 1, 0xff),
    good.subarray(4 + (good.length >> 1)),
  ])
  expect(await messageOf('damaged.parquet', damaged)).toMatch(/^it can't be read: /)
  await session.execute(
    `COPY (SELECT repeat('x', 5000) || range AS a FROM range(60000)) TO '${join(folder, 'bomb')}' (FORMAT parquet, COMPRESSION zstd)`,
  )
  expect(await messageOf('bomb.parquet', readFileSync(join(folder, 'bomb')))).toContain(
    'which no table of its size does',
  )
})

it.each([
  ['gz', gzipSync],
  ['zst', zstdCompressSync],
  ['br', brotliCompressSync],
] as const)(
  'says that a .%s is cut off or damaged, and reads what is whole as if it were not compressed',
  async (ending, compress) => {
    const whole = compress(WEATHER)
    expect(await messageOf(`a.csv.${ending}`, whole.subarray(0, whole.length >> 1))).toMatch(
      /^it can't be decompressed as/,
    )
    const damaged = Buffer.from(whole)
    damaged.fill(0, whole.length >> 2, whole.length >> 1)
    expect(await messageOf(`b.csv.${ending}`, damaged)).not.toBe('fine')
    expect(await messageOf(`c.csv.${ending}`, WEATHER)).toMatch(/^it can't be decompressed as/)
    expect(await messageOf(`d.csv.${ending}`, whole)).toBe('fine')
    expect(await messageOf(`e.csv.${ending}`, compress(Buffer.from('a,b\n1\n')))).toContain(
      "1 of 1 rows can't be read",
    )
  },
)
