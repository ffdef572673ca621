import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { declareDatasets, versionScan } from '../data/data.ts'
import { failingRows } from '../reports/reports.ts'
import { ingest } from './ingest.ts'
import { dataset } from '../data/definition.ts'
import { files } from '../sources/definition.ts'

/** Real tables of other kinds than the flights: films, penguins, weather. */
const REAL = join(import.meta.dirname, '../../node_modules/vega-datasets/data')

let context: TestContext
let folder: string
beforeAll(async () => {
  context = await openTestContext()
})
afterAll(() => context[Symbol.asyncDispose]())
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(contents: Readonly<Record<string, string | Uint8Array>>): void {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-formats-'))
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(folder, name), content)
}

let drawn = 0
async function read(glob: string) {
  const name = `read${drawn++}`
  const caller = { projectId: PROJECT_ID, actor: localOwner }
  await declareDatasets(context, {
    ...caller,
    directory: folder,
    datasets: [dataset(name, { source: files(glob) })],
  })
  return await ingest(context, { ...caller, dataset: name })
}

async function rowsOf(glob: string) {
  const result = await read(glob)
  if (result.state !== 'created') throw new Error(JSON.stringify(result))
  const scan = await versionScan(context, result.version)
  return {
    schema: Object.fromEntries(result.version.schema.map(({ name, type }) => [name, type])),
    rows: await context.analytics.query(scan),
  }
}

async function problemOf(glob: string) {
  const result = await read(glob)
  if (result.state !== 'rejected') throw new Error(`expected a rejection, got ${result.state}`)
  const { message } = result.report.results.find(({ passed }) => !passed)!
  return { message, rows: await failingRows(context, result.report) }
}

it('reads real JSON: 3,201 films, whose titles are texts and numbers, and 344 penguins', async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-formats-'))
  cpSync(join(REAL, 'movies.json'), join(folder, 'movies.json'))
  cpSync(join(REAL, 'penguins.json'), join(folder, 'penguins.json'))
  const films = await rowsOf('movies.json')
  const source = JSON.parse(readFileSync(join(REAL, 'movies.json'), 'utf8')) as Record<
    string,
    string | number | null
  >[]
  expect(films.schema).toMatchObject({ Title: 'VARCHAR', 'US Gross': 'BIGINT', 'IMDB Rating': 'DOUBLE' })
  expect(films.rows).toHaveLength(source.length)
  for (const [index, { Title, 'IMDB Rating': rating }] of source.entries()) {
    const text = Title === null ? null : String(Title)
    expect(films.rows[index]).toMatchObject({ Title: text, 'IMDB Rating': rating })
  }
  const penguins = await rowsOf('penguins.json')
  expect(penguins.rows).toHaveLength(344)
  expect(penguins.schema).toMatchObject({ Species: 'VARCHAR', 'Body Mass (g)': 'BIGINT' })
})

it('reads objects one after another; what is not there is null, what is nested is JSON text', async () => {
  write({
    'a.jsonl':
      '{"code":"007","at":"2024-01-01T10:00:00","n":1,"tags":["a",1]}\n' +
      '{"code":"8","at":"2024-01-02","n":2.5,"ok":true,"deep":{"x":null}}\n',
  })
  const { schema, rows } = await rowsOf('*.jsonl')
  expect(schema).toEqual({
    code: 'VARCHAR',
    at: 'TIMESTAMP',
    n: 'DOUBLE',
    tags: 'VARCHAR',
    ok: 'BOOLEAN',
    deep: 'VARCHAR',
  })
  expect(rows).toEqual([
    { code: '007', at: Date.UTC(2024, 0, 1, 10), n: 1, tags: '["a",1]', ok: null, deep: null },
    { code: '8', at: Date.UTC(2024, 0, 2), n: 2.5, tags: null, ok: true, deep: '{"x":null}' },
  ])
})

it('reads the same rows from a table and from its compressed forms', async () => {
  const csv = readFileSync(join(REAL, 'seattle-weather.csv'))
  write({ 'plain.csv': csv, 'a.csv.gz': gzipSync(csv), 'b.csv.zst': zstdCompressSync(csv) })
  const plain = await rowsOf('plain.csv')
  expect(plain.rows).toHaveLength(1461)
  for (const name of ['a.csv.gz', 'b.csv.zst']) expect(await rowsOf(name)).toEqual(plain)
  write({ 'c.json.br': brotliCompressSync('[{"a":1}]') })
  expect((await rowsOf('c.json.br')).rows).toEqual([{ a: 1 }])
})

it('says which element of a JSON file is wrong, and where its text breaks off', async () => {
  write({
    'numbers.json': '[{"a":1},2,{"a":3},"x"]',
    'broken.jsonl': '{"a":1}\n{"a":\n{"a":3}\n',
    'empty.json': '[]',
    'case.jsonl': '{"id":1,"Id":2}\n',
  })
  const numbers = await problemOf('numbers.json')
  expect(numbers.message).toContain('2 of 4 elements are no objects (the first is element 2)')
  expect(numbers.rows.map(({ row, values }) => [row, values])).toEqual([
    [2, { element: '2' }],
    [4, { element: '"x"' }],
  ])
  expect((await problemOf('broken.jsonl')).message).toMatch(/broken\.jsonl: it can't be read: .*line 2/)
  expect((await problemOf('broken.jsonl')).message).not.toContain(folder)
  expect((await problemOf('empty.json')).message).toContain('it is empty')
  expect((await problemOf('case.jsonl')).message).toContain('differ only in case: Id_1')
})

it('refuses a compressed file that is damaged, cut off, or grows without measure', async () => {
  const csv = readFileSync(join(REAL, 'seattle-weather.csv'))
  write({
    'cut.csv.gz': gzipSync(csv).subarray(0, 5_000),
    'not.csv.gz': csv,
    'bomb.csv.gz': gzipSync(Buffer.alloc(300 * 2 ** 20, 'a,a\n'), { level: 9 }),
  })
  expect((await problemOf('cut.csv.gz')).message).toContain("it can't be decompressed as gzip")
  expect((await problemOf('not.csv.gz')).message).toContain("it can't be decompressed as gzip")
  expect((await problemOf('bomb.csv.gz')).message).toContain('which no table of its size does')
})
