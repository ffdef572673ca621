import { Worker } from 'node:worker_threads'
import { planTrainingSet, type TrainingSetPlan } from '../features/features.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError, type ErrorCode } from '../kernel/errors.ts'

const TIMEOUT_MS = 300_000
const MAX_HEAP_MB = 512
const AT = '__at'

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
 * Computes features as a training set has them, in a thread of its own: functions of users run there, and one that does not
 * return is stopped. Throws `invalid` when they can't be computed, or take longer than five minutes.
 */
export async function recompute(
  context: Pick<Context, 'db' | 'artifacts'>,
  { target, snapshotDirectory, ...input }: Recompute,
): Promise<void> {
  const actor = systemActor('skew')
  const plan = await planTrainingSet(context, { ...input, actor, eventTime: AT, withAges: true })
  const task: ThreadTask = { plan, snapshotDirectory, target }
  const worker = new Worker(script, {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  })
  try {
    const answer = await answerOf(worker)
    if (!answer.done) throw new AppError(answer.code, answer.message)
  } finally {
    await worker.terminate()
  }
}

async function answerOf(worker: Worker): Promise<FromThread> {
  return await new Promise<FromThread>((resolve) => {
    const refuse = (message: string): void => resolve({ done: false, code: 'invalid', message })
    const timer = setTimeout(
      () => refuse(`Computing the features again took more than ${TIMEOUT_MS / 1000} seconds`),
      TIMEOUT_MS,
    )
    worker.once('message', (message: FromThread) => resolve(message))
    worker.once('error', (error: Error) => refuse(`Computing the features again failed: ${error.message}`))
    worker.once('exit', () => {
      clearTimeout(timer)
      refuse('The thread that computes the features again has ended')
    })
  })
}
