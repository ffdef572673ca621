import type { Tensor, TensorSpec } from '../ports/inference/inference.ts'
import { allocate, sizeOf } from '../ports/inference/tensors.ts'
import { createRandom } from '../statistics/random.ts'

type Choice = 'any' | 'zero'

/** Rows of made-up values, the same for the same seed: floats between −1 and 1, integers and truths 0 or 1, empty texts. */
export function sampleFeeds(
  inputs: readonly TensorSpec[],
  rows: number,
  {
    seed = 1,
    floats = 'any',
    integers = 'any',
  }: Partial<{ seed: number; floats: Choice; integers: Choice }> = {},
): Record<string, Tensor> {
  const random = createRandom(seed)
  const feeds: Record<string, Tensor> = {}
  for (const { name, datatype, shape } of inputs) {
    const dimensions = shape.length === 0 ? [] : [rows, ...shape.slice(1)]
    const data = allocate(datatype, sizeOf(dimensions))
    for (let i = 0; i < data.length; i++) {
      const value = random.next()
      const whole = integers === 'zero' || value < 0.5 ? 0 : 1
      if (datatype === 'BYTES') (data as string[])[i] = ''
      else if (datatype === 'INT64' || datatype === 'UINT64') (data as BigInt64Array)[i] = BigInt(whole)
      else if (datatype === 'FP32' || datatype === 'FP64')
        (data as Float64Array)[i] = floats === 'zero' ? 0 : 2 * value - 1
      else (data as Int32Array)[i] = datatype === 'FP16' ? 0 : whole
    }
    feeds[name] = { datatype, shape: dimensions, data }
  }
  return feeds
}
