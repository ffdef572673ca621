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
import type { Db, Queryable } from './db.ts'
import { wallTime } from './dialect.ts'
import { GroupCommit } from './group-commit.ts'
import type { Tables } from './schema.ts'

const BUSY_TIMEOUT_MS = 10_000
const CHANGE_POLL_MS = 10
/** Of each connection. What it lacks is in the system's cache: four times as much made no query faster and commits slower. */
const CACHE_KB = 4_000
const STATEMENT_CACHE_SIZE = 500
const BEGIN = CompiledQuery.raw('BEGIN IMMEDIATE')
const COMMIT = CompiledQuery.raw('COMMIT')
const ROLLBACK = CompiledQuery.raw('ROLLBACK')

/** Opens a SQLite file. The migrator sets WAL once; every connection syncs fully, so that a commit survives power loss. */
export function openSqlite(path: string): Db {
  mkdirSync(dirname(path), { recursive: true })
  const writer = connect(path)
  const reader = connect(path)
  const write = new Kysely<Tables>({ dialect: new NodeSqliteDialect(writer) })
  const read = new Kysely<Tables>({ dialect: new NodeSqliteDialect(reader) })
  const writes = new GroupCommit(write)
  const watcher = new ChangeWatcher(path)
  return {
    dialect: 'sqlite',
    read,
    write: (work) => writes.write(work),
    wallTime: (at: Queryable = read) => wallTime(at),
    onChange: (listener) => watcher.listen(listener),
    async [Symbol.asyncDispose]() {
      watcher[Symbol.dispose]()
      await writes[Symbol.asyncDispose]()
      await write.destroy()
      await read.destroy()
    },
  }
}

function connect(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  database.exec(`PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -${CACHE_KB}`)
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
    await connection.executeQuery(BEGIN)
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(COMMIT)
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // An error such as a full disk has ended the transaction already.
    if (this.#database.isTransaction) await connection.executeQuery(ROLLBACK)
  }

  async destroy(): Promise<void> {
    this.#database.close()
  }
}

interface Prepared {
  statement: StatementSync
  returnsRows: boolean
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync
  /** By text, the least recently used first. */
  readonly #prepared = new Map<string, Prepared>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const { statement, returnsRows } = this.#prepare(sql)
    const values = parameters as readonly SQLInputValue[]
    if (returnsRows) return { rows: statement.all(...values) as Row[] }
    const { changes, lastInsertRowid } = statement.run(...values)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  async *streamQuery<Row>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    const values = parameters as readonly SQLInputValue[]
    for (const row of this.#database.prepare(sql).iterate(...values)) yield { rows: [row as Row] }
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql)
    if (prepared) {
      this.#prepared.delete(sql)
    } else {
      const statement = this.#database.prepare(sql)
      prepared = { statement, returnsRows: statement.columns().length > 0 }
      if (this.#prepared.size >= STATEMENT_CACHE_SIZE)
        this.#prepared.delete(this.#prepared.keys().next().value!)
    }
    this.#prepared.set(sql, prepared)
    return prepared
  }
}
