import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely'
import type { Db, Queryable, Trx } from './db.ts'
import { wallTime } from './dialect.ts'
import type { Tables } from './schema.ts'

const BUSY_TIMEOUT_MS = 10_000
const CHANGE_POLL_MS = 10
const STATEMENT_CACHE_SIZE = 500

/** Opens a SQLite file. The migrator sets WAL once; every connection syncs fully, so that a commit survives power loss. */
export function openSqlite(path: string): Db {
  mkdirSync(dirname(path), { recursive: true })
  const writer = connect(path)
  const reader = connect(path)
  const write = new Kysely<Tables>({ dialect: new NodeSqliteDialect(writer) })
  const read = new Kysely<Tables>({ dialect: new NodeSqliteDialect(reader) })
  const watcher = new ChangeWatcher(path)
  return {
    dialect: 'sqlite',
    read,
    write: (work) => write.transaction().execute((trx: Trx) => work(trx)),
    wallTime: (at: Queryable = read) => wallTime(at),
    onChange: (listener) => watcher.listen(listener),
    async [Symbol.asyncDispose]() {
      watcher[Symbol.dispose]()
      await write.destroy()
      await read.destroy()
    },
  }
}

function connect(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  database.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000')
  return database
}

/** Polls `PRAGMA data_version`, which changes when any other connection has committed. */
class ChangeWatcher implements Disposable {
  readonly #path: string
  readonly #listeners = new Set<() => void>()
  #database: DatabaseSync | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(path: string) {
    this.#path = path
  }

  listen(listener: () => void): Disposable {
    this.#listeners.add(listener)
    this.#timer ??= this.#start()
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  #start(): NodeJS.Timeout {
    this.#database = connect(this.#path)
    const statement = this.#database.prepare('PRAGMA data_version')
    let last = statement.get()?.['data_version']
    const timer = setInterval(() => {
      const version = statement.get()?.['data_version']
      if (version === last) return
      last = version
      for (const listener of this.#listeners) listener()
    }, CHANGE_POLL_MS)
    timer.unref()
    return timer
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#database?.close()
    this.#listeners.clear()
  }
}

/** Kysely over `node:sqlite`: transactions begin IMMEDIATE, so that several writers queue instead of failing. */
class NodeSqliteDialect implements Dialect {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#database)
  }

  createAdapter(): SqliteAdapter {
    return new SqliteAdapter()
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler()
  }

  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    return new SqliteIntrospector(db)
  }
}

class NodeSqliteDriver implements Driver {
  readonly #database: DatabaseSync
  readonly #connection: NodeSqliteConnection
  readonly #waiting: (() => void)[] = []
  #busy = false

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#connection = new NodeSqliteConnection(database)
  }

  async init(): Promise<void> {}

  /** One connection: callers queue for it in order. */
  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#busy) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#busy = true
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#busy = false
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('BEGIN IMMEDIATE'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('COMMIT'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('ROLLBACK'))
  }

  async destroy(): Promise<void> {
    this.#database.close()
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const statement = this.#prepare(sql)
    const values = parameters as readonly SQLInputValue[]
    if (statement.columns().length > 0) return { rows: statement.all(...values) as Row[] }
    const { changes, lastInsertRowid } = statement.run(...values)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  async *streamQuery<Row>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    const values = parameters as readonly SQLInputValue[]
    for (const row of this.#database.prepare(sql).iterate(...values)) yield { rows: [row as Row] }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#database.prepare(sql)
    if (this.#statements.size >= STATEMENT_CACHE_SIZE) this.#statements.clear()
    this.#statements.set(sql, statement)
    return statement
  }
}
