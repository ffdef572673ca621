import type { Context } from '../http/context.ts'
import { listCancelledRuns, listEndedExecutions } from './store.ts'
import type { ExecutionRow } from './tables.ts'

const IDLE_POLL_MS = 500

/** Tells, in one process, when executions have ended and when runs are to be cancelled. */
export class ChangeWatch implements Disposable {
  readonly #context: Pick<Context, 'db' | 'log'>
  readonly #executions = new Map<string, Set<(row: ExecutionRow) => void>>()
  readonly #runs = new Map<string, () => void>()
  readonly #subscription: Disposable
  readonly #timer: NodeJS.Timeout
  #looking = false
  #again = false
  #stopped = false

  constructor(context: Pick<Context, 'db' | 'log'>) {
    this.#context = context
    this.#subscription = context.db.onChange(() => this.look())
    this.#timer = setInterval(() => this.look(), IDLE_POLL_MS)
    this.#timer.unref()
  }

  /** Resolves with the execution when it has ended, however; rejects when the signal aborts. */
  ended(executionId: string, signal: AbortSignal): Promise<ExecutionRow> {
    return new Promise((resolve, reject) => {
      const waiting = this.#executions.get(executionId) ?? new Set()
      const leave = (): void => {
        waiting.delete(arrive)
        if (waiting.size === 0) this.#executions.delete(executionId)
      }
      const arrive = (row: ExecutionRow): void => {
        signal.removeEventListener('abort', abort)
        leave()
        resolve(row)
      }
      const abort = (): void => {
        leave()
        reject(signal.reason as Error)
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      waiting.add(arrive)
      this.#executions.set(executionId, waiting)
      this.look()
    })
  }

  /** Calls back once when someone asks for the run to be cancelled. */
  onCancel(runId: string, callback: () => void): Disposable {
    this.#runs.set(runId, callback)
    this.look()
    return { [Symbol.dispose]: () => this.#runs.delete(runId) }
  }

  /** Looks now; this process has just committed something. */
  look(): void {
    if (this.#stopped || (this.#executions.size === 0 && this.#runs.size === 0)) return
    if (this.#looking) {
      this.#again = true
      return
    }
    this.#looking = true
    void this.#read()
      .catch((error: unknown) => {
        if (!this.#stopped) this.#context.log.warn({ err: error }, 'pipelines can’t read what changed')
      })
      .finally(() => {
        this.#looking = false
        if (!this.#again) return
        this.#again = false
        this.look()
      })
  }

  async #read(): Promise<void> {
    const { db } = this.#context
    for (const row of await listEndedExecutions(db.read, [...this.#executions.keys()])) {
      for (const arrive of this.#executions.get(row.id) ?? []) arrive(row)
    }
    for (const id of await listCancelledRuns(db.read, [...this.#runs.keys()])) {
      const cancel = this.#runs.get(id)
      this.#runs.delete(id)
      cancel?.()
    }
  }

  [Symbol.dispose](): void {
    this.#stopped = true
    this.#subscription[Symbol.dispose]()
    clearInterval(this.#timer)
  }
}
