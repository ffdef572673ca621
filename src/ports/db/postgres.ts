import {
  CompiledQuery,
  Kysely,
  PostgresDialect,
  Transaction,
  type Dialect,
  type PostgresPoolClient,
} from 'kysely'
import { Client, Pool, types, type CustomTypesConfig } from 'pg'
import type { Db, Queryable, Trx } from './db.ts'
import { wallTime } from './dialect.ts'
import { TransactionClient } from './postgres-client.ts'
import type { Tables } from './schema.ts'

const POOL_SIZE = 10
const CHANGE_POLL_MS = 500
/** As often as SQLite is asked: under load each notice would otherwise be a look at the events. */
const TELL_AFTER_MS = 10
const CHANNEL = 'tidemill_change'
const NOTIFY = CompiledQuery.raw(`NOTIFY ${CHANNEL}`)
const RECONNECT_MS = 1_000

/** Opens a PostgreSQL database. A writing transaction notifies the listeners of all processes when it commits. */
export function openPostgres(url: string): Db {
  const pool = new Pool({ connectionString: url, max: POOL_SIZE, types: integersAsNumbers, pipeline: true })
  // An idle connection that the server drops is replaced on the next query.
  pool.on('error', () => {})
  const names = new Map<string, string>()
  const dialect = new PostgresDialect({
    pool: {
      connect: async () =>
        new TransactionClient(await pool.connect(), names) as unknown as PostgresPoolClient,
      end: () => pool.end(),
      options: {},
    },
  })
  const db = new Kysely<Tables>({ dialect })
  const watcher = new ChangeWatcher(url)
  return {
    dialect: 'postgres',
    read: db,
    write: (work, { tells = () => true } = {}) =>
      db.transaction().execute(async (queued: Trx) => {
        const trx = await unqueued(queued, dialect)
        const result = await work(trx)
        if (tells(result)) await trx.executeQuery(NOTIFY)
        return result
      }),
    wallTime: (at: Queryable = db) => wallTime(at),
    onChange: (listener) => watcher.listen(listener),
    async [Symbol.asyncDispose]() {
      await watcher[Symbol.asyncDispose]()
      await db.destroy()
    },
  }
}

/**
 * The same transaction, whose statements are sent as they come. Kysely sends one when the one before it was answered, so that `together`
 * would wait as often as it has statements.
 */
async function unqueued(trx: Trx, dialect: Dialect): Promise<Trx> {
  const connection = await trx.getExecutor().provideConnection(async (its) => its)
  const executor = trx
    .getExecutor()
    .withConnectionProvider({ provideConnection: (consumer) => consumer(connection) })
  return new Transaction<Tables>({ config: { dialect }, dialect, driver: dialect.createDriver(), executor })
}

/** Type ids of int8 and numeric. */
const INTEGERS: ReadonlySet<number> = new Set([20, 1700])

/** 64-bit integers as numbers: counts and milliseconds stay far below 2^53. */
const integersAsNumbers: CustomTypesConfig = {
  getTypeParser(...[oid, format]: Parameters<typeof types.getTypeParser>) {
    return INTEGERS.has(oid) ? Number : types.getTypeParser(oid, format)
  },
}

class ChangeWatcher implements AsyncDisposable {
  readonly #url: string
  readonly #listeners = new Set<() => void>()
  #client: Client | undefined
  #poll: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined
  #closed = false

  constructor(url: string) {
    this.#url = url
  }

  listen(listener: () => void): Disposable {
    this.#listeners.add(listener)
    if (!this.#poll) {
      this.#poll = setInterval(() => this.#tell(), CHANGE_POLL_MS)
      this.#poll.unref()
      void this.#connect()
    }
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Many commits are told once. */
  #tellSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.#tell()
    }, TELL_AFTER_MS)
  }

  async #connect(): Promise<void> {
    if (this.#closed) return
    const client = new Client({ connectionString: this.#url })
    const retry = (): void => {
      if (this.#client !== client) return
      this.#client = undefined
      setTimeout(() => void this.#connect(), RECONNECT_MS).unref()
    }
    this.#client = client
    client.on('notification', () => this.#tellSoon())
    client.on('error', retry)
    client.on('end', retry)
    try {
      await client.connect()
      await client.query(`LISTEN ${CHANNEL}`)
    } catch {
      retry()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearInterval(this.#poll)
    clearTimeout(this.#soon)
    this.#listeners.clear()
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }
}
