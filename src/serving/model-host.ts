import { Batcher, type BatchItem, type BatchResult } from './batcher.ts'
import { openExecutor, type ExecutorLimits, type OpenedModel } from './executor.ts'
import type { PlannedFeature } from './feeds.ts'
import { openPython, type PythonContext } from './python-executor.ts'
import type { Variant } from './schema.ts'

/** A loaded model and its queue. Held by leases: it is unloaded when it is retired and the last lease is given back. */
export class HostedModel<Item extends BatchItem> {
  readonly opened: OpenedModel
  readonly batcher: Batcher<Item>
  #leases = 0
  #retired: (() => void) | undefined

  constructor(opened: OpenedModel, maxQueue: number, done: (result: BatchResult<Item>) => void) {
    const limits = { maxBatch: opened.plan.fixedRows ?? opened.sweep.maxBatch, maxQueue }
    this.opened = opened
    this.batcher = new Batcher(opened.executor, opened.plan, limits, done)
  }

  acquire(): void {
    this.#leases += 1
  }

  release(): void {
    this.#leases -= 1
    if (this.#leases === 0) this.#retired?.()
  }

  /** Unloads the model once nobody uses it. */
  async retire(): Promise<void> {
    if (this.#leases > 0) await new Promise<void>((resolve) => (this.#retired = resolve))
    await this.opened.executor[Symbol.asyncDispose]()
  }
}

/** Loads a model from the artifact store. Throws `not_found` for a missing blob, `invalid` for one that is no usable model. */
export async function hostModel<Item extends BatchItem>(
  context: PythonContext,
  model: {
    variant: Variant
    features: readonly PlannedFeature[] | undefined
    maxQueue: number
    limits: ExecutorLimits
  },
  done: (result: BatchResult<Item>) => void,
): Promise<HostedModel<Item>> {
  const { variant, features, limits, maxQueue } = model
  if (variant.onnxSha256 === undefined)
    return new HostedModel(await openPython(context, variant, features), maxQueue, done)
  const path = await context.artifacts.localPath(variant.onnxSha256)
  return new HostedModel(await openExecutor(path, features, limits), maxQueue, done)
}
