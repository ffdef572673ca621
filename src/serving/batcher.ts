import { AppError, toAppError } from '../kernel/errors.ts'
import type { Tensor } from '../ports/inference/inference.ts'
import { allocate } from '../ports/inference/tensors.ts'
import type { Executor, Tensors } from './executor.ts'
import { assembleFeeds, type FeedPlan, type FeedRows } from './feeds.ts'

/** The rows of one request that wait for a model. */
export interface BatchItem extends FeedRows {
  /** `performance.now()` when it began to wait, and until when it may. */
  queuedMs: number
  deadlineMs: number
  failed(error: AppError): void
}

/** One call of the model: its items lie behind each other in the outputs. */
export interface BatchResult<Item> {
  items: readonly Item[]
  rows: number
  outputs: Tensors
  startedMs: number
}

export interface BatchLimits {
  maxBatch: number
  /** Rows that may wait. */
  maxQueue: number
}

/**
 * Batches without waiting: what arrived in one turn of the event loop runs together, and while a batch runs the next one
 * forms. Shadow work has a queue of its own that runs only when nothing else waits, and that sheds first.
 */
export class Batcher<Item extends BatchItem> {
  readonly #executor: Executor
  readonly #plan: FeedPlan
  readonly #limits: BatchLimits
  readonly #done: (result: BatchResult<Item>) => void
  #queue: Item[] = []
  #shadow: Item[] = []
  #queuedRows = 0
  #shadowRows = 0
  #running = 0
  #scheduled = false

  constructor(
    executor: Executor,
    plan: FeedPlan,
    limits: BatchLimits,
    done: (result: BatchResult<Item>) => void,
  ) {
    this.#executor = executor
    this.#plan = plan
    this.#limits = limits
    this.#done = done
  }

  get queuedRows(): number {
    return this.#queuedRows
  }

  get idle(): boolean {
    return this.#running === 0 && this.#queue.length === 0 && this.#shadow.length === 0
  }

  /** Throws `unavailable` when too many rows wait. */
  submit(item: Item): void {
    if (this.#queuedRows > 0 && this.#queuedRows + item.rows > this.#limits.maxQueue) {
      throw new AppError('unavailable', `${this.#queuedRows} rows wait for this model already; try again`)
    }
    this.#queue.push(item)
    this.#queuedRows += item.rows
    this.#schedule()
  }

  /** Returns false when the shadow queue is full. */
  submitShadow(item: Item): boolean {
    if (this.#shadowRows + item.rows > this.#limits.maxQueue) return false
    this.#shadow.push(item)
    this.#shadowRows += item.rows
    this.#schedule()
    return true
  }

  #schedule(): void {
    if (this.#scheduled || this.#running >= this.#executor.slots) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  #start(): void {
    while (this.#running < this.#executor.slots) {
      const items = this.#queue.length > 0 ? this.#take() : this.#takeShadow()
      if (items.length === 0) return
      this.#running += 1
      void this.#run(items).finally(() => {
        this.#running -= 1
        if (this.#queue.length > 0) this.#start()
        else if (this.#shadow.length > 0) this.#schedule()
      })
    }
  }

  #take(): Item[] {
    const now = performance.now()
    const items: Item[] = []
    let rows = 0
    let taken = 0
    for (; taken < this.#queue.length; taken++) {
      const item = this.#queue[taken]!
      if (items.length > 0 && rows + item.rows > this.#limits.maxBatch) break
      this.#queuedRows -= item.rows
      if (item.deadlineMs < now)
        item.failed(new AppError('unavailable', 'The request waited past its deadline'))
      else {
        items.push(item)
        rows += item.rows
      }
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken)
    return items
  }

  #takeShadow(): Item[] {
    const items: Item[] = []
    let rows = 0
    while (this.#shadow.length > 0) {
      const item = this.#shadow[0]!
      if (items.length > 0 && rows + item.rows > this.#limits.maxBatch) break
      this.#shadow.shift()
      this.#shadowRows -= item.rows
      items.push(item)
      rows += item.rows
    }
    return items
  }

  async #run(items: readonly Item[]): Promise<void> {
    const startedMs = performance.now()
    const rows = items.length === 1 ? items[0]!.rows : items.reduce((sum, item) => sum + item.rows, 0)
    let outputs: Tensors
    try {
      outputs = await this.#call(items, rows)
    } catch (error) {
      if (items.length === 1) return items[0]!.failed(toAppError(error))
      // One bad request must not fail its neighbours: each runs by itself.
      for (const item of items) await this.#run([item])
      return
    }
    this.#done({ items, rows, outputs, startedMs })
  }

  async #call(items: readonly FeedRows[], rows: number): Promise<Tensors> {
    const most = this.#plan.fixedRows ?? this.#limits.maxBatch
    if (rows <= most) return await this.#executor.run(assembleFeeds(this.#plan, items, rows))
    const parts: Tensors[] = []
    for (const item of items) {
      for (let start = 0; start < item.rows; start += most) {
        const slice = sliceRows(this.#plan, item, start, Math.min(most, item.rows - start))
        parts.push(await this.#executor.run(assembleFeeds(this.#plan, [slice], slice.rows)))
      }
    }
    return joinTensors(parts, rows)
  }
}

function sliceRows(plan: FeedPlan, item: FeedRows, start: number, rows: number): FeedRows {
  const widths = new Map(
    plan.inputs.flatMap(({ columns, width }) => columns.map((column) => [column, width])),
  )
  const features = item.features.map((column, i) => {
    const width = widths.get(i) ?? 1
    return column && Array.prototype.slice.call(column, start * width, (start + rows) * width)
  })
  return { rows, features }
}

function joinTensors(parts: readonly Tensors[], rows: number): Tensors {
  const [first] = parts
  const joined: Record<string, Tensors[string]> = {}
  for (const [name, { datatype, shape }] of Object.entries(first ?? {})) {
    const data = allocate(datatype, rows * shape.slice(1).reduce((a, b) => a * b, 1)) as unknown[]
    let at = 0
    for (const part of parts) {
      const values: ArrayLike<unknown> = part[name]!.data
      for (let i = 0; i < values.length; i++) data[at++] = values[i]
    }
    joined[name] = { datatype, shape: [rows, ...shape.slice(1)], data: data as Tensor['data'] }
  }
  return joined
}
