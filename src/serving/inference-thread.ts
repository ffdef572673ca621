import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../kernel/errors.ts'
import type { InferenceSession } from '../ports/inference/inference.ts'
import { openModel } from '../ports/inference/onnx.ts'
import type { Tensors } from './executor.ts'
import type { FromThread, ToThread } from './worker-session.ts'

const port = parentPort!
const path = String(workerData)
/** A first load that takes longer is no matter of starting the runtime. */
const RUNTIME_START_MS = 200

function post(message: FromThread, tensors: Tensors = {}): void {
  const buffers = new Set<ArrayBuffer>()
  for (const { data } of Object.values(tensors)) {
    if (!Array.isArray(data) && data.buffer instanceof ArrayBuffer) buffers.add(data.buffer)
  }
  port.postMessage(message, [...buffers])
}

async function timeLoad(): Promise<number> {
  const started = performance.now()
  await using _ = await openModel(path)
  return performance.now() - started
}

async function answer(session: InferenceSession, id: number, feeds: Tensors): Promise<void> {
  const started = performance.now()
  try {
    const tensors = await session.run(feeds)
    post({ kind: 'done', id, tensors, us: (performance.now() - started) * 1000 }, tensors)
  } catch (error) {
    post({ kind: 'failed', id, message: messageOf(error) })
  }
}

try {
  const started = performance.now()
  const session = await openModel(path)
  const firstMs = performance.now() - started
  const loadMs = firstMs < RUNTIME_START_MS ? await timeLoad() : firstMs
  post({ kind: 'ready', inputs: session.inputs, outputs: session.outputs, loadMs })
  port.on('message', (message: ToThread) => {
    if (message.kind === 'close') {
      void session[Symbol.asyncDispose]().then(() => port.close())
      return
    }
    void answer(session, message.id, message.feeds)
  })
} catch (error) {
  post({ kind: 'refused', message: messageOf(error) })
  port.close()
}
