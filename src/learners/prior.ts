import type { Fitted, Training } from './fitted.ts'
import { lossOf } from './losses.ts'
import type { GraphBuilder, Scores } from './onnx-graph.ts'

/** The baseline that looks at no feature: the base rate, the class shares, or the mean. */
export function trainPrior({ task, outputs, target, features }: Training): Fitted {
  const start = lossOf(task, outputs).start(target)
  return {
    scores: ({ rows }) => Float64Array.from({ length: rows * outputs }, (_, i) => start[i % outputs]!),
    importance: features.map(() => 0),
    summary: { start },
    addTo: (graph, inputs) => addConstant(graph, inputs[0]!, start),
  }
}

/** The constant row, once for each row of the first input. */
function addConstant(graph: GraphBuilder, input: string, start: readonly number[]): Scores {
  const zero = graph.constant('INT64', [1], BigInt64Array.of(0n))
  const one = graph.constant('INT64', [1], BigInt64Array.of(1n))
  const rows = graph.add('Slice', [graph.add('Shape', [input]), zero, one])
  const shape = graph.add('Concat', [rows, one], { axis: 0 })
  const row = graph.constant('FP64', [1, start.length], Float64Array.from(start))
  return { name: graph.add('Expand', [row, shape]), datatype: 'FP64' }
}
