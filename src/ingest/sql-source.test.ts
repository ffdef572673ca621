import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freshPostgres, openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { notNull } from '../expectations/definition.ts'
import { localOwner } from '../kernel/actor.ts'
import { sql } from '../sources/definition.ts'
import { listChanges } from './changes.ts'
import { declareDatasets, versionScan } from '../data/data.ts'
import { ingest } from './ingest.ts'
import { dataset } from '../data/definition.ts'

/** Real prices of five stocks, one a month: 560 rows, five of each date. */
const STOCKS = readFileSync(
  join(import.meta.dirname, '../../node_modules/vega-datasets/data/stocks.csv'),
  'utf8',
)
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [symbol, date, price] = line.split(',')
    return { symbol: symbol!, day: new Date(`${date!} UTC`).toISOString().slice(0, 10), price: Number(price) }
  })

const CALLER = { projectId: PROJECT_ID, actor: localOwner }
type Options = Parameters<typeof sql>[0]

let context: TestContext
let folder: string
beforeEach(async () => {
  const opened = await openTestContext()
  context = { ...opened, config: { ...opened.config, sourcePrivateAddresses: true } }
  folder = mkdtempSync(join(tmpdir(), 'tidemill-sql-'))
})
afterEach(async () => {
  await context[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

async function declare(source: Options, options: Partial<Parameters<typeof dataset>[1]> = {}): Promise<void> {
  const definition = dataset('rows', { source: sql(source), ...options })
  await declareDatasets(context, { ...CALLER, directory: folder, datasets: [definition] })
}
const look = () => ingest(context, { ...CALLER, dataset: 'rows' })
async function created() {
  const result = await look()
  if (result.state !== 'created') throw new Error(`expected a version, got ${JSON.stringify(result)}`)
  return result.version
}
async function rowsOf(version: { manifestSha256: string }, columns: string, rest = ''): Promise<unknown[]> {
  return await context.analytics.query(
    `SELECT ${columns} FROM (${await versionScan(context, version)}) ${rest}`,
  )
}

describe('rows of SQLite', () => {
  let database: DatabaseSync
  beforeEach(() => {
    database = new DatabaseSync(join(folder, 'shop.db'))
    database.exec('CREATE TABLE stock (id INTEGER PRIMARY KEY, symbol TEXT, day TEXT, price REAL, raw BLOB)')
  })
  afterEach(() => database.close())
  const insert = (rows: readonly (typeof STOCKS)[number][]): void => {
    const statement = database.prepare('INSERT INTO stock (symbol, day, price) VALUES (?, ?, ?)')
    for (const { symbol, day, price } of rows) statement.run(symbol, day, price)
  }

  it('come on top of those that were there, each once, in parts of their own', async () => {
    insert(STOCKS.slice(0, 300))
    await declare({ url: 'sqlite:shop.db', query: 'SELECT id, symbol, day, price FROM stock;', cursor: 'id' })
    const first = await created()
    expect(first).toMatchObject({ rows: 300, parts: 1, sourceCursor: '300' })
    expect(first.schema.map(({ type }) => type)).toEqual(['BIGINT', 'VARCHAR', 'DATE', 'DOUBLE'])
    expect(await look()).toMatchObject({ state: 'unchanged' })
    insert(STOCKS.slice(300))
    const second = await created()
    expect(second).toMatchObject({ rows: 560, addedRows: 260, parts: 2, sourceCursor: '560' })
    expect(await rowsOf(second, 'count(*) AS n, sum(price) AS total')).toEqual([
      {
        n: 560,
        total: expect.closeTo(
          STOCKS.reduce((sum, { price }) => sum + price, 0),
          6,
        ),
      },
    ])
    const [change] = await listChanges(context, { projectId: PROJECT_ID, dataset: 'rows', limit: 1 })
    expect(change).toMatchObject({
      cursorBefore: '300',
      cursorAfter: '560',
      added: { names: ['query[300…560]'] },
    })
  })

  it('of equal cursor values are neither lost nor taken twice, even when they are equal in all columns', async () => {
    const sorted = STOCKS.toSorted((a, b) => (a.day < b.day ? -1 : 1))
    await declare({ url: 'sqlite:shop.db', query: 'SELECT symbol, day, price FROM stock', cursor: 'day' })
    // Five rows a date: the cursor stands within a date nearly always.
    insert(sorted.slice(0, 7))
    expect(await created()).toMatchObject({ rows: 7 })
    insert(sorted.slice(7, 9))
    insert([sorted[6]!])
    expect(await created()).toMatchObject({ rows: 10, addedRows: 3 })
    insert(sorted.slice(9))
    const version = await created()
    expect(version).toMatchObject({ rows: 561 })
    const [twice] = await rowsOf(version, 'count(*) AS n', 'GROUP BY symbol, day HAVING count(*) > 1')
    expect(twice).toEqual({ n: 2 })
    expect(await look()).toMatchObject({ state: 'unchanged' })
  })

  it('are looked for further back by settle', async () => {
    const query = { url: 'sqlite:shop.db', query: 'SELECT id, symbol, raw FROM stock', cursor: 'id' }
    await declare({ ...query, settle: 5 })
    const add = database.prepare('INSERT INTO stock (id, symbol, raw) VALUES (?, ?, ?)')
    for (const id of [10, 11, 14]) add.run(id, `s${id}`, new Uint8Array([id]))
    await created()
    for (const id of [12, 8, 15]) add.run(id, `s${id}`, new Uint8Array([id]))
    expect(await rowsOf(await created(), 'id, hex(raw) AS raw', 'ORDER BY id')).toEqual([
      { id: 10, raw: '0A' },
      { id: 11, raw: '0B' },
      { id: 12, raw: '0C' },
      { id: 14, raw: '0E' },
      { id: 15, raw: '0F' },
    ])
  })

  it('are the whole result without a cursor, and a new version only when it differs', async () => {
    insert(STOCKS)
    await declare({
      url: 'sqlite:shop.db',
      query: 'SELECT symbol, avg(price) AS mean FROM stock GROUP BY 1 ORDER BY 1',
    })
    expect(await created()).toMatchObject({ rows: 5, sourceCursor: null })
    expect(await look()).toMatchObject({ state: 'unchanged' })
    insert([{ symbol: 'NEW', day: '2024-01-01', price: 1 }])
    expect(await created()).toMatchObject({ number: 2, rows: 6, parts: 1 })
  })

  it('that are refused stop the source there, and no row is lost when they are mended', async () => {
    await declare(
      { url: 'sqlite:shop.db', query: 'SELECT id, symbol FROM stock', cursor: 'id' },
      { expect: [notNull('symbol')] },
    )
    insert(STOCKS.slice(0, 2))
    await created()
    database.exec('INSERT INTO stock (id, symbol) VALUES (3, NULL)')
    insert(STOCKS.slice(3, 5))
    const result = await look()
    expect(result.state === 'rejected' && result.report.sentence).toContain(
      'rows in query[2…5] have no symbol (row 1)',
    )
    expect(await look()).toMatchObject({ state: 'unchanged', version: { rows: 2, sourceCursor: '2' } })
    database.exec("UPDATE stock SET symbol = 'MSFT' WHERE id = 3")
    expect(await created()).toMatchObject({ rows: 5, sourceCursor: '5' })
  })

  it('of another query start over; of a column that became text they are refused as breaking', async () => {
    insert(STOCKS.slice(0, 10))
    await declare({ url: 'sqlite:shop.db', query: 'SELECT id, symbol FROM stock', cursor: 'id' })
    await created()
    await declare({ url: 'sqlite:shop.db', query: 'SELECT id, price FROM stock', cursor: 'id' })
    const version = await created()
    expect(version).toMatchObject({ rows: 10, parts: 1, schemaChange: { kind: 'breaking' } })
    database.exec("INSERT INTO stock (id, price) VALUES (11, 'much')")
    expect(await look()).toMatchObject({ state: 'rejected' })
    const [change] = await listChanges(context, { projectId: PROJECT_ID, dataset: 'rows', limit: 1 })
    expect(change).toMatchObject({
      version: null,
      schemaChange: { kind: 'breaking', changes: ['price: DOUBLE → VARCHAR'] },
    })
  })

  it('have their personal columns treated, and are still known again', async () => {
    insert(STOCKS.slice(0, 4))
    const query = {
      url: 'sqlite:shop.db',
      query: "SELECT 1 AS at, symbol || '@example.org' AS email FROM stock",
      cursor: 'at',
    }
    await declare(query, { personal: { email: 'hash' } })
    expect(await rowsOf(await created(), 'DISTINCT email')).toEqual([
      { email: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ])
    expect(await look()).toMatchObject({ state: 'unchanged' })
    insert(STOCKS.slice(4, 5))
    expect(await created()).toMatchObject({ rows: 5, addedRows: 1 })
  })

  it('can’t be had from what is wrong, which is said in a sentence', async () => {
    insert(STOCKS.slice(0, 3))
    const failure = async (source: Options): Promise<string> => {
      await declare(source)
      return await look().then(
        ({ state }) => state,
        (error: Error) => error.message,
      )
    }
    const url = 'sqlite:shop.db'
    expect(await failure({ url: 'sqlite:none.db', query: 'SELECT 1' })).toMatch(
      /^rows: there is no SQLite file .*none\.db$/,
    )
    expect(await failure({ url, query: 'SELEKT 1' })).toMatch(/^rows: the query can't be run: .*syntax error/)
    expect(await failure({ url, query: 'SELECT NULL AS at, id FROM stock', cursor: 'at' })).toBe(
      'rows: 3 rows of the query have no at, the cursor',
    )
    expect(await failure({ url, query: 'SELECT id FROM stock', cursor: 'at' })).toContain(
      'no column at, the cursor',
    )
    expect(await failure({ url, query: 'DELETE FROM stock' })).toContain("the query can't be run")
    expect(await failure({ secret: 'NO_SUCH_SECRET', query: 'SELECT 1' })).toContain(
      'The secret NO_SUCH_SECRET is not set',
    )
    expect(() => sql({ url: 'postgres://me:word@db/x', query: 'SELECT 1' })).toThrow(
      'would be stored readable',
    )
    expect(() => sql({ url, secret: 'X', query: 'SELECT 1' })).toThrow('either url or secret')
    expect(() => sql({ url, query: 'SELECT 1', settle: 5 })).toThrow('settle needs a cursor')
    expect(database.prepare('SELECT count(*) AS n FROM stock').get()).toEqual({ n: 3 })
  })
})

const postgresUrl = process.env['DB_POSTGRES_URL']
describe.runIf(postgresUrl !== undefined)('rows of PostgreSQL', () => {
  let server: { url: string; drop(): Promise<void> }
  let client: Client
  beforeEach(async () => {
    server = await freshPostgres(postgresUrl!)
    client = new Client({ connectionString: server.url })
    await client.connect()
  })
  afterEach(async () => {
    await client.end()
    await server.drop()
  })

  it('keep their types, and come on top of those that were there', async () => {
    await client.query(`CREATE TABLE t (id serial, small smallint, money numeric(10,2), ratio real, ok boolean, name text,
      code uuid, raw bytea, doc jsonb, day date, at timestamptz, local timestamp, clock time, tags int[], empty bigint)`)
    await client.query(`INSERT INTO t (small, money, ratio, ok, name, code, raw, doc, day, at, local, clock, tags)
      SELECT n, n + 0.25, 0.5, n % 2 = 0, 'Ä' || n, ('00000000-0000-0000-0000-00000000000' || n)::uuid, '\\x00ff', '{"a": 1}', '2024-01-15',
        '2024-01-15 10:00:00.123456+02', '2024-01-15 10:00:00', '10:30', '{1,2}' FROM generate_series(1, 3) AS n`)
    await declare({ url: server.url, query: 'SELECT * FROM t', cursor: 'id' })
    const version = await created()
    expect(Object.fromEntries(version.schema.map(({ name, type }) => [name, type]))).toEqual({
      id: 'BIGINT',
      small: 'BIGINT',
      money: 'DOUBLE',
      ratio: 'DOUBLE',
      ok: 'BOOLEAN',
      name: 'VARCHAR',
      code: 'VARCHAR',
      raw: 'BLOB',
      doc: 'VARCHAR',
      day: 'DATE',
      at: 'TIMESTAMP',
      local: 'TIMESTAMP',
      clock: 'TIME',
      tags: 'VARCHAR',
      empty: 'BIGINT',
    })
    expect(
      await rowsOf(
        version,
        'money, ok, name, hex(raw) AS raw, CAST("at" AS VARCHAR) AS moment, CAST(clock AS VARCHAR) AS clock, tags, empty',
        'LIMIT 1',
      ),
    ).toEqual([
      {
        money: 1.25,
        ok: false,
        name: 'Ä1',
        raw: '00FF',
        moment: '2024-01-15 08:00:00.123456',
        clock: '10:30:00',
        tags: '{1,2}',
        empty: null,
      },
    ])
    await client.query("INSERT INTO t (name) SELECT 'more' FROM generate_series(1, 25000)")
    expect(await created()).toMatchObject({
      rows: 25_003,
      addedRows: 25_000,
      parts: 2,
      sourceCursor: '25003',
    })
  })

  it('that are committed late are found by settle, by times to the microsecond', async () => {
    await client.query('CREATE TABLE t (id int, at timestamptz)')
    await declare({ url: server.url, query: 'SELECT id, at FROM t', cursor: 'at', settle: '10m' })
    await client.query(
      "INSERT INTO t VALUES (1, '2024-01-01 10:00:00.000001Z'), (2, '2024-01-01 10:30:00.000001Z')",
    )
    expect(await created()).toMatchObject({ rows: 2, sourceCursor: '2024-01-01 10:30:00.000001+00' })
    await client.query(
      "INSERT INTO t VALUES (3, '2024-01-01 10:29:00Z'), (4, '2024-01-01 10:30:00.000001Z'), (5, '2024-01-01 10:00:00Z')",
    )
    const version = await created()
    expect(await rowsOf(version, 'id', 'ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }])
    expect(await look()).toMatchObject({ state: 'unchanged' })
  })

  it('are read from an address that the environment holds, and never while private addresses are refused', async () => {
    await client.query('CREATE TABLE t AS SELECT 1 AS id')
    process.env['SHOP_URL'] = server.url
    await declare({ secret: 'SHOP_URL', query: 'SELECT * FROM t' })
    expect(await created()).toMatchObject({ rows: 1 })
    const strict = { ...context, config: { ...context.config, sourcePrivateAddresses: false } }
    await expect(ingest(strict, { ...CALLER, dataset: 'rows' })).rejects.toThrow(
      '127.0.0.1 is no public address',
    )
    process.env['SHOP_URL'] = server.url.replace('127.0.0.1', 'localhost')
    await expect(ingest(strict, { ...CALLER, dataset: 'rows' })).rejects.toThrow(
      'localhost is no public address',
    )
    process.env['SHOP_URL'] = 'postgres://me:sesame@127.0.0.1:1/none'
    const failure = await look().catch((error: Error) => error)
    expect(failure).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining("can't be reached"),
    })
    delete process.env['SHOP_URL']
    const stored = await context.db.read.selectFrom('dataset_change').select('error').execute()
    expect(JSON.stringify(stored)).not.toContain('sesame')
    await declare({ url: server.url, query: 'SELECT * FROM nothing' })
    await expect(look()).rejects.toThrow('the query can\'t be run: relation "nothing" does not exist')
    await declare({ url: server.url, query: 'SELECT 1 AS a, 2 AS a' })
    await expect(look()).rejects.toThrow('the query gives the column a twice')
    await declare({ url: server.url, query: 'SELECT 1.5::float AS at', cursor: 'at' })
    await expect(look()).rejects.toThrow('the cursor at is neither an integer')
  })
})
