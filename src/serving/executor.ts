import { availableParallelism } from 'node:os'
import type { Tensor, TensorSpec } from '../ports/inference/inference.ts'
import { openModel } from '../ports/inference/onnx.ts'
import { blankFeeds, planFeeds, type FeedPlan, type PlannedFeature } from './feeds.ts'
import { MAX_BATCH, sweep, type Sweep } from './sweep.ts'
import { WorkerSession } from './worker-session.ts'

export type Tensors = Readonly<Record<string, Tensor>>

/** Runs batches of one model. `slots` batches may run at once. */
export interface Executor extends AsyncDisposable {
  readonly kind: 'inline' | 'worker' | 'python'
  readonly slots: number
  run(feeds: Tensors): Promise<Tensors>
}

export interface OpenedModel {
  executor: Executor
  plan: FeedPlan
  inputs: readonly TensorSpec[]
  outputs: readonly TensorSpec[]
  sweep: Sweep
}

export interface ExecutorLimits {
  /** A model whose single row is dearer runs in threads of its own … */
  inlineUs: number
  /** … and so does one that takes longer to load: loading blocks. */
  inlineLoadMs: number
  threads: number
}

export const DEFAULT_LIMITS: ExecutorLimits = {
  inlineUs: 100,
  inlineLoadMs: 20,
  threads: Math.max(1, availableParallelism() - 1),
}

/**
 * Loads a model in a thread, measures what a batch of each size costs there, and decides where it will run: on the
 * caller's thread when it is cheap, else in threads. The caller's loop is never blocked by an expensive model.
 */
export async function openExecutor(
  path: string,
  features: readonly PlannedFeature[] | undefined,
  limits: ExecutorLimits = DEFAULT_LIMITS,
): Promise<OpenedModel> {
  const first = await WorkerSession.open(path)
  try {
    const { inputs, outputs, loadMs } = first
    const plan = planFeeds(inputs, outputs, features ?? featuresOf(inputs))
    const measured = await sweep((rows) => first.time(blankFeeds(plan, rows)), plan.fixedRows ?? MAX_BATCH)
    const result = { plan, inputs, outputs, sweep: { ...measured, loadMs } }
    if (measured.rowUs <= limits.inlineUs && loadMs <= limits.inlineLoadMs) {
      await first[Symbol.asyncDispose]()
      return { ...result, executor: await openInline(path) }
    }
    return { ...result, executor: await openThreads(path, first, limits.threads) }
  } catch (error) {
    await first[Symbol.asyncDispose]()
    throw error
  }
}

export function featuresOf(inputs: readonly TensorSpec[]): PlannedFeature[] {
  return inputs.map(({ name, shape }) => ({ name, width: shape.slice(1).reduce((a, b) => a * b, 1) }))
}

async function openInline(path: string): Promise<Executor> {
  const session = await openModel(path)
  return {
    kind: 'inline',
    slots: 1,
    run: (feeds) => session.run(feeds),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  }
}

async function openThreads(path: string, first: WorkerSession, threads: number): Promise<Executor> {
  const others = await Promise.all(Array.from({ length: threads - 1 }, () => WorkerSession.open(path)))
  const sessions = [first, ...others]
  return {
    kind: 'worker',
    slots: sessions.length,
    run(feeds) {
      const idlest = sessions.reduce((a, b) => (b.pending < a.pending ? b : a))
      return idlest.run(feeds)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()))
    },
  }
}
