import type { Fitted } from './fitted.ts'
import { GraphBuilder } from './onnx-graph.ts'
import type { Scores } from './onnx-graph.ts'
import type { FeatureSpec, Task } from './schema.ts'

/** Names of the exported graph's outputs; no feature may bear one of them. */
export const OUTPUT_NAMES: Readonly<Record<Task, readonly string[]>> = {
  binary: ['label', 'probabilities'],
  multiclass: ['label', 'probabilities'],
  regression: ['value'],
}

/** One graph from the raw features to label and probabilities, or to the value. */
export function exportOnnx(
  fitted: Fitted,
  task: Task,
  classes: number,
  features: readonly FeatureSpec[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const graph = new GraphBuilder(features, OUTPUT_NAMES[task])
  const scores = fitted.addTo(graph, graph.inputs)
  if (task === 'regression') {
    graph.cast(scores.name, 'FP32', 'value')
    graph.output('value', 'FP32', 1)
  } else {
    if (task === 'binary') addBinary(graph, scores)
    else addMulticlass(graph, scores)
    graph.add('ArgMax', ['probabilities'], { axis: 1, keepdims: 0 }, 'label')
    graph.output('label', 'INT64')
    graph.output('probabilities', 'FP32', classes)
  }
  return graph.toBytes(metadata)
}

function addBinary(graph: GraphBuilder, scores: Scores): void {
  const sigmoid = graph.add('Sigmoid', [scores.name])
  const positive = scores.datatype === 'FP32' ? sigmoid : graph.cast(sigmoid, 'FP32')
  const negative = graph.add('Sub', [graph.constant('FP32', [1], Float32Array.of(1)), positive])
  graph.add('Concat', [negative, positive], { axis: 1 }, 'probabilities')
}

function addMulticlass(graph: GraphBuilder, scores: Scores): void {
  const softmax = graph.add('Softmax', [scores.name], { axis: 1 })
  graph.cast(softmax, 'FP32', 'probabilities')
}
