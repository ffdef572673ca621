import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../kernel/errors.ts'
import type { Tensor } from '../ports/inference/inference.ts'
import { openModel } from '../ports/inference/onnx.ts'
import type { FromThread, ToThread } from './worker-session.ts'

const port = parentPort!
const path = String(workerData)
/** A first load that takes longer is no matter of starting the runtime. */
const RUNTIME_START_MS = 200

function post(message: FromThread, tensors: Readonly<Record<string, Tensor>> = {}): void {
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
    const begun = performance.now()
    session.run(message.feeds).then(
      (tensors) => {
        const us = (performance.now() - begun) * 1000
        post({ kind: 'done', id: message.id, tensors, us }, tensors)
      },
      (error: unknown) => post({ kind: 'failed', id: message.id, message: messageOf(error) }),
    )
  })
} catch (error) {
  post({ kind: 'refused', message: messageOf(error) })
  port.close()
}
