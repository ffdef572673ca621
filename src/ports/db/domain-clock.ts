import { AppError } from '../../kernel/errors.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Db } from './db.ts'

interface DomainClockRow {
  id: string
  project_id: string
  now_ms: number
}

export interface DomainClockTables {
  domain_clock: DomainClockRow
}

const CLOCK_ID = 'replay'

/** The domain time of a replay: it never runs by itself, lives in the database and survives `kill -9`. */
export class DomainClock implements Clock, Disposable {
  readonly #db: Db
  readonly #subscription: Disposable
  #nowMs = 0

  private constructor(db: Db) {
    this.#db = db
    this.#subscription = db.onChange(() => void this.refresh().catch(() => {}))
  }

  static async open(db: Db): Promise<DomainClock> {
    const clock = new DomainClock(db)
    await clock.refresh()
    return clock
  }

  now(): number {
    return this.#nowMs
  }

  /** Reads the time that a driver set, perhaps in another process. */
  async refresh(): Promise<number> {
    const row = await this.#db.read
      .selectFrom('domain_clock')
      .select('now_ms')
      .where('id', '=', CLOCK_ID)
      .executeTakeFirst()
    this.#nowMs = Math.max(this.#nowMs, row?.now_ms ?? 0)
    return this.#nowMs
  }

  /** Steps the time for every process. It never goes back. */
  async advance(nowMs: number): Promise<void> {
    if (!Number.isSafeInteger(nowMs) || nowMs < this.#nowMs) {
      throw new AppError('invalid', `Domain time is ${this.#nowMs} and can't go back to ${nowMs}`)
    }
    await this.#db.write((trx) =>
      trx
        .insertInto('domain_clock')
        .values({ id: CLOCK_ID, project_id: '*', now_ms: nowMs })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ now_ms: nowMs }))
        .execute(),
    )
    this.#nowMs = nowMs
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }
}
