import type { Datatype } from '../../kernel/datatypes.ts'

export type { Datatype }

/** Row-major values: BOOL in a Uint8Array, FP16 as bits in a Uint16Array, BYTES as strings, the others in their typed array. */
export type TensorData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | string[]

export interface Tensor {
  readonly datatype: Datatype
  readonly shape: readonly number[]
  readonly data: TensorData
}

export interface TensorSpec {
  readonly name: string
  readonly datatype: Datatype
  /** A dimension that may vary is -1. */
  readonly shape: readonly number[]
}

export interface ModelOptions {
  /** Threads inside one call. 1 (the default) is fastest for small batches and leaves no spinning pool behind. */
  readonly intraOpThreads?: number
}

/** A loaded model. Disposing waits for calls under way. */
export interface InferenceSession extends AsyncDisposable {
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  /** Outputs that are no tensors (a sequence of maps, as ZipMap makes): they are never computed. */
  readonly skippedOutputs: readonly string[]
  /**
   * Runs the model on its caller's thread and blocks it meanwhile. Tensors are not copied on the way in (except BYTES).
   * Throws `invalid` for feeds that do not fit, `unavailable` after disposal.
   */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
}
