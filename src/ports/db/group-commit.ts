import { CompiledQuery, type Kysely } from 'kysely'
import type { Trx } from './db.ts'
import type { Tables } from './schema.ts'

const MOST_TOGETHER = 64
/** Other processes wait for the lock meanwhile. */
const LONGEST_MS = 50

const SAVEPOINT = CompiledQuery.raw('SAVEPOINT piece')
const RELEASE = CompiledQuery.raw('RELEASE piece')
const ROLLBACK_TO = CompiledQuery.raw('ROLLBACK TO piece')

interface Waiting {
  work: (trx: Trx) => Promise<unknown>
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
}

/**
 * Writes that wait at the same time share one transaction, and so one sync of the disk. Each runs in a savepoint of its own, so that one
 * that throws undoes what it wrote and nothing else; all are answered after the commit.
 */
export class GroupCommit implements AsyncDisposable {
  readonly #connection: Kysely<Tables>
  #waiting: Waiting[] = []
  #draining: Promise<void> | undefined

  constructor(connection: Kysely<Tables>) {
    this.#connection = connection
  }

  write<Result>(work: (trx: Trx) => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as Waiting['resolve'], reject })
      this.#draining ??= this.#drain()
    })
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Requests that have arrived already are read first, and join.
      await new Promise((resolve) => setImmediate(resolve))
      const group = this.#waiting.splice(0, MOST_TOGETHER)
      await (group.length === 1 ? this.#commitOne(group[0]!) : this.#commitAll(group))
    }
    this.#draining = undefined
  }

  async #commitOne({ work, resolve, reject }: Waiting): Promise<void> {
    try {
      resolve(await this.#connection.transaction().execute(work))
    } catch (error) {
      reject(error)
    }
  }

  async #commitAll(group: readonly Waiting[]): Promise<void> {
    const started = performance.now()
    const answers: (() => void)[] = []
    try {
      await this.#connection.transaction().execute(async (trx) => {
        for (const piece of group) {
          if (performance.now() - started > LONGEST_MS) break
          answers.push(await attempt(trx, piece))
        }
      })
    } catch (error) {
      for (const { reject } of group) reject(error)
      return
    }
    for (const answer of answers) answer()
    this.#waiting.unshift(...group.slice(answers.length))
  }

  /** Waits for the writes that were asked for. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#draining
  }
}

/** Runs one piece in its savepoint; gives what tells its caller how it went, once the transaction is committed. */
async function attempt(trx: Trx, { work, resolve, reject }: Waiting): Promise<() => void> {
  await trx.executeQuery(SAVEPOINT)
  try {
    const result = await work(trx)
    await trx.executeQuery(RELEASE)
    return () => resolve(result)
  } catch (error) {
    try {
      await trx.executeQuery(ROLLBACK_TO)
      await trx.executeQuery(RELEASE)
    } catch {
      // What ended the whole transaction, such as a full disk, has taken the savepoint with it.
      throw error
    }
    return () => reject(error)
  }
}
