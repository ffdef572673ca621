import type { Datatype, Tensor, TensorData } from './inference.ts'

export function allocate(datatype: Datatype, length: number): TensorData {
  switch (datatype) {
    case 'FP32':
      return new Float32Array(length)
    case 'FP64':
      return new Float64Array(length)
    case 'BYTES':
      return Array.from<string>({ length })
    case 'INT64':
      return new BigInt64Array(length)
    case 'UINT64':
      return new BigUint64Array(length)
    case 'INT32':
      return new Int32Array(length)
    case 'UINT32':
      return new Uint32Array(length)
    case 'INT16':
      return new Int16Array(length)
    case 'UINT16':
    case 'FP16':
      return new Uint16Array(length)
    case 'INT8':
      return new Int8Array(length)
    case 'UINT8':
    case 'BOOL':
      return new Uint8Array(length)
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Rows `start` to `end` of a tensor, as a copy. */
export function sliceRows({ datatype, shape, data }: Tensor, start: number, end: number): Tensor {
  const width = sizeOf(shape.slice(1))
  return {
    datatype,
    shape: [end - start, ...shape.slice(1)],
    data: data.slice(start * width, end * width),
  }
}
