import type { Kysely, Transaction } from 'kysely'
import type { DialectName } from './dialect.ts'
import type { Tables } from './schema.ts'

/** What a store function takes first: the reader, or the transaction that a door opened. */
export type Queryable = Kysely<Tables> | Transaction<Tables>
export type Trx = Transaction<Tables>

export interface Db extends AsyncDisposable {
  readonly dialect: DialectName
  /** For reads outside a transaction, on a connection of its own. */
  readonly read: Kysely<Tables>
  /**
   * Runs `work` in one transaction that holds the write lock from its start. Await nothing but SQL inside, and
   * write at most 500 rows: others wait. When `work` throws, nothing is written. `tells` says whether listeners have to hear of it: on
   * PostgreSQL transactions that notify commit one after another.
   */
  write<Result>(
    work: (trx: Trx) => Promise<Result>,
    options?: { tells?: (result: Result) => boolean },
  ): Promise<Result>
  /** Database wall time in milliseconds: what processes share for leases and audit rows. */
  wallTime(at?: Queryable): Promise<number>
  /** Calls the listener soon (about 10 ms) after another connection or process has committed. */
  onChange(listener: () => void): Disposable
}
