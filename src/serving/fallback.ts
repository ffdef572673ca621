import type { Tensor } from '../ports/inference/inference.ts'
import type { Tensors } from './executor.ts'
import { allocate } from '../ports/inference/tensors.ts'
import type { WorkItem } from './live-deployment.ts'
import type { LoggedOutput } from '../prediction-log/prediction-log.ts'
import type { Fallback } from './schema.ts'

/** The outputs of an item's rows alone, where rows that the policy answers say what the policy says. */
export function fallbackOutputs(
  item: WorkItem,
  outputs: Tensors,
  start: number,
  fallback: Fallback,
): Tensors {
  const replaced: Record<string, Tensor> = {}
  for (const output of item.live.outputs) {
    const { name, datatype, width } = output
    const spec = item.live.host.opened.outputs.find((each) => each.name === name)!
    const data = allocate(datatype, item.rows * width) as unknown[]
    const source = outputs[name]?.data
    for (let row = 0; row < item.rows; row++) {
      const instead = item.fallbackRows?.[row] === true || source === undefined
      for (let i = 0; i < width; i++) {
        data[row * width + i] = instead ? standIn(output, i, fallback) : source[(start + row) * width + i]
      }
    }
    const shape = spec.shape.length === 0 ? [item.rows] : [item.rows, ...spec.shape.slice(1)]
    replaced[name] = { datatype, shape, data: data as unknown as Tensor['data'] }
  }
  return replaced
}

/** A score as a probability of two classes, a label by its decision; NaN, 0 or the empty text where neither is said. */
function standIn({ datatype, width }: LoggedOutput, place: number, { score, decision }: Fallback): unknown {
  if (datatype === 'FP32' || datatype === 'FP64') {
    if (score === undefined) return NaN
    return width === 2 && place === 0 ? 1 - score : score
  }
  if (datatype === 'BYTES') return decision ?? ''
  const label = decision === 'true' ? 1 : Number(decision ?? 0)
  const whole = Number.isInteger(label) ? label : 0
  return datatype === 'INT64' || datatype === 'UINT64' ? BigInt(whole) : whole
}
