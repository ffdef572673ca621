import type { Writable } from 'node:stream'
import type { PoolClient, QueryResult } from 'pg'

const MOST_NAMED = 200
const LONGEST_NAMED = 4_000

type Answer = Pick<QueryResult<object>, 'command' | 'rowCount' | 'rows'>

/**
 * A connection as Kysely uses it, with fewer waits: a transaction begins together with its first statement, its statements are
 * prepared once for each connection, those that wait for no answer go out with one write to the socket, and the notice of its commit
 * travels with the commit. A read outside a transaction is planned with its values.
 */
export class TransactionClient {
  readonly #client: PoolClient
  /** Names of prepared statements by their text, the same on every connection. */
  readonly #names: Map<string, string>
  #begun: Promise<unknown> | undefined
  #inTransaction = false
  #notice = ''

  constructor(client: PoolClient, names: Map<string, string>) {
    this.#client = client
    this.#names = names
  }

  get processID(): number {
    return (this.#client as PoolClient & { processID: number }).processID
  }

  async query(text: string, values: readonly unknown[]): Promise<Answer> {
    switch (text) {
      case 'begin':
        return this.#begin()
      case 'commit':
        return await this.#commit()
      case 'rollback':
        return await this.#rollback()
    }
    if (this.#inTransaction && text.startsWith('NOTIFY')) return this.#notify(text)
    if (!this.#inTransaction) return await this.#client.query(text, [...values])
    this.#gather()
    const answer = this.#client.query({ ...this.#nameOf(text), text, values: [...values] })
    // Both are sent; the statement fails by itself when its transaction has not begun.
    const [, result] = await Promise.all([this.#begun, answer])
    return result
  }

  release(error?: Error | boolean): void {
    this.#client.release(error)
  }

  #begin(): Answer {
    this.#inTransaction = true
    this.#notice = ''
    this.#gather()
    this.#begun = this.#client.query('BEGIN')
    this.#begun.catch(() => {})
    return { command: 'BEGIN', rowCount: null, rows: [] }
  }

  #notify(text: string): Answer {
    this.#notice = `${text}; `
    return { command: 'NOTIFY', rowCount: null, rows: [] }
  }

  async #commit(): Promise<Answer> {
    this.#inTransaction = false
    // One result, or one for each statement.
    const results = (await this.#client.query(`${this.#notice}COMMIT`)) as QueryResult | QueryResult[]
    return Array.isArray(results) ? results.at(-1)! : results
  }

  async #rollback(): Promise<Answer> {
    this.#inTransaction = false
    return await this.#client.query('ROLLBACK')
  }

  /** Holds back what is sent until all that can run without an answer has run: each write to a socket costs more than its statement. */
  #gather(): void {
    const { stream } = (this.#client as PoolClient & { connection: { stream: Writable } }).connection
    if (stream.writableCorked > 0) return
    stream.cork()
    process.nextTick(() => stream.uncork())
  }

  #nameOf(text: string): { name?: string } {
    let name = this.#names.get(text)
    if (name === undefined && this.#names.size < MOST_NAMED && text.length <= LONGEST_NAMED) {
      name = `tidemill_${this.#names.size}`
      this.#names.set(text, name)
    }
    return name === undefined ? {} : { name }
  }
}
