import type * as Onnxruntime from 'onnxruntime-node'
import { AppError, messageOf } from '../../kernel/errors.ts'
import type { Datatype, InferenceSession, ModelOptions, Tensor, TensorSpec } from './inference.ts'

type OrtSession = Onnxruntime.InferenceSession
type OrtTensor = Onnxruntime.Tensor
type OrtResults = Awaited<ReturnType<OrtSession['run']>>

/**
 * Loads an ONNX model from its bytes or from a file. Loading blocks the calling thread (0.5 ms for each 1,000 tree nodes).
 * Throws `invalid` for bytes that are no model, for datatypes the protocol does not know, and for a model without a tensor output.
 */
export async function openModel(
  model: Uint8Array | string,
  options: ModelOptions = {},
): Promise<InferenceSession> {
  // Loaded with the first model: a process without one saves its memory and time.
  const ort = await import('onnxruntime-node')
  const settings: Onnxruntime.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.intraOpThreads ?? 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  }
  let session: OrtSession
  try {
    session = await (typeof model === 'string'
      ? ort.InferenceSession.create(model, settings)
      : ort.InferenceSession.create(model, settings))
  } catch (cause) {
    throw new AppError('invalid', `The ONNX model cannot be loaded: ${messageOf(cause)}`, { cause })
  }
  if (!session.outputMetadata.some((output) => output.isTensor)) {
    await session.release()
    const names = session.outputNames.map((name) => `"${name}"`).join(', ')
    throw new AppError(
      'invalid',
      `The ONNX model has no tensor output (it has ${names || 'none at all'}); export it so that at least one output is a tensor, ` +
        'for example with skl2onnx option zipmap=False.',
    )
  }
  try {
    return new OnnxSession(session, ort)
  } catch (error) {
    await session.release()
    throw error
  }
}

const DATATYPES: Readonly<Partial<Record<Onnxruntime.Tensor.Type, Datatype>>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
}

const ORT_TYPES = Object.fromEntries(
  Object.entries(DATATYPES).map(([type, datatype]) => [datatype, type]),
) as Record<Datatype, Onnxruntime.Tensor.Type>

class OnnxSession implements InferenceSession {
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  readonly skippedOutputs: readonly string[]
  readonly #session: OrtSession
  readonly #fetches: readonly string[]
  readonly #ort: typeof Onnxruntime
  readonly #running = new Set<Promise<OrtResults>>()
  #disposed = false

  constructor(session: OrtSession, ort: typeof Onnxruntime) {
    this.#session = session
    this.#ort = ort
    this.inputs = session.inputMetadata.map(toSpec)
    this.outputs = session.outputMetadata.filter((output) => output.isTensor).map(toSpec)
    this.skippedOutputs = session.outputMetadata.filter((output) => !output.isTensor).map(({ name }) => name)
    this.#fetches = this.outputs.map(({ name }) => name)
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    if (this.#disposed)
      throw new AppError('unavailable', 'The model was unloaded; ask for its current version.')
    const running = this.#session.run(this.#toFeeds(feeds), this.#fetches)
    this.#running.add(running)
    try {
      return toTensors(await running)
    } catch (cause) {
      throw new AppError('invalid', `The model refused its input: ${messageOf(cause)}`, { cause })
    } finally {
      this.#running.delete(running)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await Promise.allSettled(this.#running)
    await this.#session.release()
  }

  #toFeeds(feeds: Readonly<Record<string, Tensor>>): Record<string, OrtTensor> {
    const result: Record<string, OrtTensor> = {}
    for (const { name, datatype } of this.inputs) {
      const feed = feeds[name]
      if (feed === undefined) {
        throw new AppError('invalid', `Input "${name}" is missing; the model needs ${namesOf(this.inputs)}.`)
      }
      if (feed.datatype !== datatype) {
        throw new AppError(
          'invalid',
          `Input "${name}" has datatype ${feed.datatype}; the model needs ${datatype}.`,
        )
      }
      result[name] = toOrt(this.#ort, name, feed)
    }
    if (Object.keys(feeds).length > this.inputs.length) {
      const extra = Object.keys(feeds).find((name) => !(name in result))
      throw new AppError('invalid', `The model has no input "${extra}"; it has ${namesOf(this.inputs)}.`)
    }
    return result
  }
}

function toOrt(ort: typeof Onnxruntime, name: string, feed: Tensor): OrtTensor {
  try {
    // onnxruntime-common 1.30 makes a Float16Array of the bits, whose length its native half reads as 0.
    if (feed.datatype === 'FP16') {
      return Object.assign(new ort.Tensor('uint16', feed.data as Uint16Array, feed.shape), {
        type: 'float16',
      })
    }
    // The constructor's overloads pair each type with its array; here the datatype is only known at run time.
    return new ort.Tensor(ORT_TYPES[feed.datatype] as 'float32', feed.data as Float32Array, feed.shape)
  } catch (cause) {
    throw new AppError('invalid', `Input "${name}" is no ${feed.datatype} tensor: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function toTensors(results: OrtResults): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {}
  for (const name in results) {
    const { type, dims, data } = results[name] as OrtTensor
    const bits =
      type === 'float16'
        ? new Uint16Array((data as Uint16Array).buffer, (data as Uint16Array).byteOffset, data.length)
        : data
    tensors[name] = { datatype: DATATYPES[type] as Datatype, shape: dims, data: bits }
  }
  return tensors
}

function toSpec(metadata: Onnxruntime.InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) {
    throw new AppError('invalid', `Input "${metadata.name}" is no tensor; only tensors can be sent.`)
  }
  const datatype = DATATYPES[metadata.type]
  if (datatype === undefined) {
    throw new AppError(
      'invalid',
      `"${metadata.name}" has type ${metadata.type}, which the protocol cannot carry.`,
    )
  }
  const shape = metadata.shape.map((size) => (typeof size === 'number' ? size : -1))
  return { name: metadata.name, datatype, shape }
}

function namesOf(specs: readonly TensorSpec[]): string {
  return specs.map(({ name }) => `"${name}"`).join(', ')
}
