import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from '../http/context.ts'
import { monotonicMs } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { wallTime } from '../ports/db/dialect.ts'
import { insertJob, isHeld, listJobStates } from './store.ts'

export { countPendingJobs, holdsLease } from './store.ts'

/** Pipeline functions wait for their steps, and deliveries for other servers, so they have slots of their own. */
export type Slot = 'work' | 'pipeline' | 'delivery'

export interface Job {
  id: string
  projectId: string
  kind: string
  payload: JsonObject
  /** The fencing token: grows with each claim. */
  attempt: number
  /** A failure of this attempt is the job's end. */
  lastAttempt: boolean
  /** Aborted when the lease is lost or the process stops. */
  signal: AbortSignal
}

/** A kind of background work. It may run again after a crash at any point, so its effects must be idempotent. */
export interface JobHandler {
  kind: string
  slot?: Slot
  run(context: Context, job: Job): Promise<void>
}

export interface EnqueueJob {
  projectId: string
  kind: string
  payload: JsonObject
  slot?: Slot
  /** At most one job, ever, has this key. */
  uniqueKey?: string
  /** Database wall time; default now. */
  runAtMs?: number
  /** How often the handler may fail before the job has failed; a lost lease does not count. Default 3. */
  maxAttempts?: number
  /** Higher runs first. Default 0. */
  priority?: number
}

/** Adds a job in the caller's transaction. Returns its id, or undefined when its unique key exists already. */
export async function enqueue(trx: Trx, job: EnqueueJob): Promise<string | undefined> {
  const now = await wallTime(trx)
  const id = randomIds.uuid()
  const inserted = await insertJob(trx, {
    id,
    project_id: job.projectId,
    kind: job.kind,
    slot: job.slot ?? 'work',
    payload_json: JSON.stringify(job.payload),
    state: 'ready',
    unique_key: job.uniqueKey ?? null,
    priority: job.priority ?? 0,
    run_at_ms: job.runAtMs ?? now,
    attempt: 0,
    failures: 0,
    max_attempts: job.maxAttempts ?? 3,
    worker: null,
    lease_until_ms: null,
    error: null,
    created_ms: now,
    finished_ms: null,
  })
  return inserted ? id : undefined
}

/** Throws `conflict` inside a handler's transaction when this attempt no longer holds the job. */
export async function fence(trx: Trx, job: Pick<Job, 'id' | 'attempt'>): Promise<void> {
  if (await isHeld(trx, job)) return
  throw new AppError(
    'conflict',
    `Attempt ${job.attempt} of job ${job.id} has lost its lease; its result is refused`,
  )
}

const LOOK_EVERY_MS = 50

/** Waits for jobs, at most so long; whether all are done. Throws the error of one that has failed. */
export async function areDone(
  { db }: Pick<Context, 'db'>,
  ids: readonly string[],
  waitMs: number,
): Promise<boolean> {
  const until = monotonicMs() + waitMs
  for (;;) {
    const states = await listJobStates(db.read, ids)
    const failed = states.find(({ state }) => state === 'failed' || state === 'cancelled')
    if (failed) throw new AppError('internal', `The work has failed: ${failed.error ?? failed.state}`)
    if (states.every(({ state }) => state === 'done')) return true
    if (monotonicMs() + LOOK_EVERY_MS > until) return false
    await pause(LOOK_EVERY_MS)
  }
}
