import type { InferenceSession } from '../ports/inference/inference.ts'

/** Opens an ONNX graph. The runtime is loaded with the first one: the server imports this room and never evaluates. */
export async function openGraph(onnx: string | Uint8Array): Promise<InferenceSession> {
  const { openModel } = await import('../ports/inference/onnx.ts')
  return await openModel(onnx)
}
