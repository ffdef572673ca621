import type { Context } from '../http/context.ts'
import { messageOf } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Job, JobHandler, Slot } from './jobs.ts'
import { claimJobs, extendLeases, hasClaimable, releaseJobsOf, updateHeldJob } from './store.ts'
import type { JobRow } from './tables.ts'

const LEASE_MS = 30_000
const HEARTBEAT_MS = 5_000
const IDLE_POLL_MS = 500
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 60_000

const SLOTS = ['pipeline', 'work', 'delivery'] as const satisfies readonly Slot[]

export interface RunnerOptions {
  /** Names this worker; one that starts again under the same name takes back what it held. */
  worker: string
  slots: Readonly<Record<Slot, number>>
}

interface Running {
  attempt: number
  controller: AbortController
  done: Promise<void>
}

/** Claims jobs and runs their handlers, with a heartbeat on every lease. */
export class JobRunner implements AsyncDisposable {
  readonly #context: Context
  readonly #handlers: ReadonlyMap<string, JobHandler>
  readonly #options: RunnerOptions
  readonly #running: Record<Slot, Map<string, Running>> = {
    work: new Map(),
    pipeline: new Map(),
    delivery: new Map(),
  }
  #subscription: Disposable | undefined
  #timers: NodeJS.Timeout[] = []
  #stopped = false
  #claiming: Promise<void> | undefined
  #claimAgain = false

  constructor(context: Context, handlers: readonly JobHandler[], options: RunnerOptions) {
    this.#context = context
    this.#handlers = new Map(handlers.map((handler) => [handler.kind, handler]))
    this.#options = options
  }

  async start(): Promise<void> {
    await this.#context.db.write((trx) => releaseJobsOf(trx, this.#options.worker))
    this.#subscription = this.#context.db.onChange(() => this.wake())
    this.#timers = [
      setInterval(() => this.wake(), IDLE_POLL_MS),
      setInterval(() => void this.#heartbeat().catch((error: unknown) => this.#warn(error)), HEARTBEAT_MS),
    ]
    this.wake()
  }

  /** Looks for work now. Cheap when there is none. */
  wake(): void {
    if (this.#stopped) return
    this.#claimAgain = true
    this.#claiming ??= this.#claimWhileAsked()
  }

  async #claimWhileAsked(): Promise<void> {
    while (this.#claimAgain && !this.#stopped) {
      this.#claimAgain = false
      await this.#claimAll().catch((error: unknown) => this.#warn(error))
    }
    this.#claiming = undefined
  }

  async #claimAll(): Promise<void> {
    for (const slot of SLOTS) await this.#claim(slot)
  }

  async #claim(slot: Slot): Promise<void> {
    const { db } = this.#context
    const limit = this.#options.slots[slot] - this.#running[slot].size
    if (limit <= 0 || this.#stopped) return
    if (!(await hasClaimable(db.read, slot, await db.wallTime()))) return
    const rows = await db.write(async (trx) =>
      claimJobs(trx, db.dialect, {
        worker: this.#options.worker,
        slot,
        limit,
        leaseMs: LEASE_MS,
        nowMs: await db.wallTime(trx),
      }),
    )
    // What was claimed while this worker was told to stop is given back with the rest.
    if (this.#stopped) return
    for (const row of rows) this.#launch(slot, row)
  }

  #launch(slot: Slot, row: JobRow): void {
    const controller = new AbortController()
    const done = this.#run(row, controller.signal)
      .catch((error: unknown) => this.#warn(error))
      .finally(() => {
        this.#running[slot].delete(row.id)
        this.wake()
      })
    this.#running[slot].set(row.id, { attempt: row.attempt, controller, done })
  }

  async #run(row: JobRow, signal: AbortSignal): Promise<void> {
    const job: Job = {
      id: row.id,
      projectId: row.project_id,
      kind: row.kind,
      payload: JSON.parse(row.payload_json) as JsonObject,
      attempt: row.attempt,
      lastAttempt: row.failures + 1 >= row.max_attempts,
      signal,
    }
    const handler = this.#handlers.get(row.kind)
    try {
      if (!handler) throw new Error(`This worker has no handler for ${row.kind}`)
      await handler.run(this.#context, job)
    } catch (error) {
      if (signal.aborted) return
      await this.#fail(row, error)
      return
    }
    await this.#finish(row, { state: 'done', error: null })
  }

  async #fail(row: JobRow, error: unknown): Promise<void> {
    const failures = row.failures + 1
    this.#context.log.warn({ err: error, job: row.id, kind: row.kind, failures }, 'job failed')
    if (failures >= row.max_attempts) {
      await this.#finish(row, { state: 'failed', failures, error: messageOf(error) })
      return
    }
    const { db } = this.#context
    await db.write(async (trx) =>
      updateHeldJob(trx, row, {
        state: 'ready',
        failures,
        error: messageOf(error),
        run_at_ms: (await db.wallTime(trx)) + backoffMs(failures),
        worker: null,
        lease_until_ms: null,
      }),
    )
  }

  async #finish(row: JobRow, change: Partial<JobRow>): Promise<void> {
    const { db } = this.#context
    await db.write(async (trx) =>
      updateHeldJob(trx, row, { ...change, finished_ms: await db.wallTime(trx), lease_until_ms: null }),
    )
  }

  async #heartbeat(): Promise<void> {
    const running = SLOTS.flatMap((slot) => [...this.#running[slot]])
    if (running.length === 0) return
    const { db } = this.#context
    const held = await db.write(async (trx) =>
      extendLeases(trx, {
        worker: this.#options.worker,
        ids: running.map(([id]) => id),
        untilMs: (await db.wallTime(trx)) + LEASE_MS,
      }),
    )
    for (const [id, { controller }] of running) {
      if (!held.has(id)) controller.abort(new Error('the lease was lost'))
    }
  }

  #warn(error: unknown): void {
    if (!this.#stopped) this.#context.log.warn({ err: error }, 'job runner')
  }

  /** Stops claiming, aborts what runs and gives it back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#subscription?.[Symbol.dispose]()
    for (const timer of this.#timers) clearInterval(timer)
    const running = SLOTS.flatMap((slot) => [...this.#running[slot].values()])
    for (const { controller } of running) controller.abort(new Error('the worker stops'))
    await this.#claiming
    await Promise.allSettled(running.map(({ done }) => done))
    await this.#context.db.write((trx) => releaseJobsOf(trx, this.#options.worker))
  }
}

/** Doubles with each failure, with up to half of it as jitter, so that retries do not come in herds. */
function backoffMs(failures: number): number {
  const full = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS)
  return Math.round(full / 2 + Math.random() * (full / 2))
}
