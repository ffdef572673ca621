import { Worker } from 'node:worker_threads'
import { planTrainingSet, type TrainingSetPlan } from '../point-in-time/point-in-time.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError, type ErrorCode } from '../kernel/errors.ts'

export interface RecomputeLimits {
  timeoutMs: number
  /** Of the thread's own objects; DuckDB has a limit beside it. */
  heapMb: number
}

export const RECOMPUTE_LIMITS: RecomputeLimits = { timeoutMs: 300_000, heapMb: 512 }
const AT = '__at'
const actor = systemActor('skew')

const script = new URL(
  import.meta.url.endsWith('.ts') ? './recompute-thread.ts' : './recompute-thread.js',
  import.meta.url,
)

export interface ThreadTask {
  plan: TrainingSetPlan
  snapshotDirectory: string
  target: string
}

export type FromThread = { done: true } | { done: false; code: ErrorCode; message: string }

export interface Recompute {
  projectId: string
  spec: FeatureServiceSpec
  /** Rows with `__at` (the moment), keys of entities and fields of requests. */
  spine: { parquet: string[] } | { sql: string }
  datasetVersions: Readonly<Record<string, string>>
  snapshotDirectory: string
  target: string
}

/**
 * Computes features as training sets have them, all in one thread of its own: functions of users run there, and one that does not
 * return is stopped. Tells of each whether its versions of datasets are still there. Throws `invalid` when features can't be computed, and
 * `unavailable` where the thread had too little time or memory.
 */
export async function recompute(
  context: Pick<Context, 'db' | 'artifacts'>,
  wanted: readonly Recompute[],
  limits: RecomputeLimits,
): Promise<boolean[]> {
  const tasks = await Promise.all(wanted.map((each) => taskOf(context, each)))
  const known = tasks.filter((task) => task !== undefined)
  if (known.length > 0) await runInThread(known, limits)
  return tasks.map((task) => task !== undefined)
}

/** Undefined when a version of a dataset is gone. */
async function taskOf(
  context: Pick<Context, 'db' | 'artifacts'>,
  { target, snapshotDirectory, ...input }: Recompute,
): Promise<ThreadTask | undefined> {
  try {
    const plan = await planTrainingSet(context, { ...input, actor, eventTime: AT, withAges: true })
    return { plan, snapshotDirectory, target }
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined
    throw error
  }
}

async function runInThread(tasks: readonly ThreadTask[], limits: RecomputeLimits): Promise<void> {
  const worker = new Worker(script, {
    workerData: tasks,
    resourceLimits: { maxOldGenerationSizeMb: limits.heapMb },
  })
  try {
    const answer = await answerOf(worker, limits)
    if (!answer.done) throw new AppError(answer.code, answer.message)
  } finally {
    await worker.terminate()
  }
}

async function answerOf(worker: Worker, { timeoutMs }: RecomputeLimits): Promise<FromThread> {
  return await new Promise<FromThread>((resolve) => {
    const refuse = (code: ErrorCode, message: string): void => resolve({ done: false, code, message })
    const timer = setTimeout(
      () => refuse('unavailable', `Computing the features again took more than ${timeoutMs / 1000} seconds`),
      timeoutMs,
    )
    worker.once('message', (message: FromThread) => resolve(message))
    worker.once('error', (error: NodeJS.ErrnoException) =>
      refuse(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'unavailable' : 'invalid',
        `Computing the features again failed: ${error.message}`,
      ),
    )
    worker.once('exit', () => {
      clearTimeout(timer)
      refuse('invalid', 'The thread that computes the features again has ended')
    })
  })
}
