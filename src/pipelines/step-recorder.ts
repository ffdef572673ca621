import type { Context } from '../http/context.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Trx } from '../ports/db/db.ts'
import { upsertStepRun } from './store.ts'
import type { StepRunRow } from './tables.ts'

const FLUSH_MS = 30
const MAX_ROWS = 200

/**
 * Writes the step runs of one pipeline run, several at once: a hit can be found again, so it need not be written before
 * the next step looks. Only the attempt that holds the run's job may write.
 */
export class StepRecorder {
  readonly #context: Pick<Context, 'db' | 'clock'>
  readonly #job: Job
  readonly #changed = new Map<string, StepRunRow>()
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> = Promise.resolve()
  #failure: unknown

  constructor(context: Pick<Context, 'db' | 'clock'>, job: Job) {
    this.#context = context
    this.#job = job
  }

  put(row: StepRunRow): void {
    this.#changed.set(row.id, { ...row })
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), FLUSH_MS)
  }

  /** Writes what is waiting, then throws if any write has failed. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#flushing = this.#flushing
      .then(() => this.#writeAll())
      .catch((error: unknown) => {
        this.#failure ??= error
      })
    await this.#flushing
    if (this.#failure) throw this.#failure as Error
  }

  async #writeAll(): Promise<void> {
    while (this.#changed.size > 0) {
      const ids = [...this.#changed.keys()].slice(0, MAX_ROWS)
      await this.#context.db.write(async (trx) => {
        await fence(trx, this.#job)
        for (const id of ids) {
          // As it is now: it may have changed while the transaction was waited for.
          const row = this.#changed.get(id)
          if (row) await this.write(trx, row)
        }
      })
    }
  }

  /** Writes one step run in the caller's transaction. */
  async write(trx: Trx, row: StepRunRow): Promise<void> {
    this.#changed.delete(row.id)
    await upsertStepRun(trx, row)
    await appendEvent(trx, {
      projectId: row.project_id,
      kind: 'pipeline.step_changed',
      payload: { runId: row.run_id, stepRunId: row.id, state: row.state },
      atMs: this.#context.clock.now(),
    })
  }
}
