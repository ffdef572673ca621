import { Worker } from 'node:worker_threads'
import { AppError } from '../kernel/errors.ts'
import type { Tensor, TensorSpec } from '../ports/inference/inference.ts'
import type { Tensors } from './executor.ts'

export type ToThread = { kind: 'run'; id: number; feeds: Tensors } | { kind: 'close' }

export type FromThread =
  | { kind: 'ready'; inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[]; loadMs: number }
  | { kind: 'refused'; message: string }
  | { kind: 'done'; id: number; tensors: Tensors; us: number }
  | { kind: 'failed'; id: number; message: string }

type Ready = Extract<FromThread, { kind: 'ready' }>
type Done = Extract<FromThread, { kind: 'done' }>

const script = new URL(
  import.meta.url.endsWith('.ts') ? './inference-thread.ts' : './inference-thread.js',
  import.meta.url,
)

/** A model loaded in a thread of its own: neither loading nor running it blocks the caller. */
export class WorkerSession implements AsyncDisposable {
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  readonly loadMs: number
  readonly #worker: Worker
  readonly #calls = new Map<number, { resolve: (done: Done) => void; reject: (error: unknown) => void }>()
  #nextId = 0
  #gone: AppError | undefined

  private constructor(worker: Worker, { inputs, outputs, loadMs }: Ready) {
    this.inputs = inputs
    this.outputs = outputs
    this.loadMs = loadMs
    this.#worker = worker
    worker.on('message', (message: FromThread) => this.#receive(message))
    worker.on('error', (cause) => this.#fail(new AppError('internal', 'The model thread failed', { cause })))
    worker.on('exit', () => this.#fail(new AppError('unavailable', 'The model was unloaded')))
  }

  /** Throws `invalid` for a file that is no usable model. */
  static async open(path: string): Promise<WorkerSession> {
    const worker = new Worker(script, { workerData: path })
    const ready = await new Promise<Ready>((resolve, reject) => {
      worker.once('message', (message: FromThread) => {
        if (message.kind === 'ready') resolve(message)
        else
          reject(new AppError('invalid', message.kind === 'refused' ? message.message : 'Unexpected answer'))
      })
      worker.once('error', reject)
      worker.once('exit', () => reject(new AppError('internal', 'The model thread ended while loading')))
    })
    return new WorkerSession(worker, ready)
  }

  get pending(): number {
    return this.#calls.size
  }

  async run(feeds: Tensors): Promise<Tensors> {
    return (await this.#call(feeds)).tensors
  }

  /** The cost of one call inside the thread, in microseconds. */
  async time(feeds: Tensors): Promise<number> {
    return (await this.#call(feeds)).us
  }

  #call(feeds: Tensors): Promise<Done> {
    return new Promise<Done>((resolve, reject) => {
      if (this.#gone !== undefined) return reject(this.#gone)
      const id = this.#nextId++
      this.#calls.set(id, { resolve, reject })
      const message: ToThread = { kind: 'run', id, feeds }
      this.#worker.postMessage(message, buffersOf(Object.values(feeds)))
    })
  }

  #receive(message: FromThread): void {
    if (message.kind !== 'done' && message.kind !== 'failed') return
    const call = this.#calls.get(message.id)
    this.#calls.delete(message.id)
    if (message.kind === 'done') call?.resolve(message)
    else call?.reject(new AppError('internal', message.message))
  }

  #fail(error: AppError): void {
    this.#gone ??= error
    for (const call of this.#calls.values()) call.reject(error)
    this.#calls.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gone !== undefined) return
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.postMessage({ kind: 'close' } satisfies ToThread, [])
    await ended
  }
}

function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  for (const { data } of tensors) {
    if (!Array.isArray(data) && data.buffer instanceof ArrayBuffer) buffers.add(data.buffer)
  }
  return [...buffers]
}
