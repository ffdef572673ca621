import type { JsonObject } from '../kernel/json.ts'
import type { GraphBuilder, Scores } from './onnx-graph.ts'
import type { FeatureSpec, Frame, Task } from './schema.ts'

/** What a learner learns from, after the door has checked it. */
export interface Training {
  readonly task: Task
  /** Scores for each row: 1, or the classes of a multiclass task. */
  readonly outputs: number
  readonly frame: Frame
  readonly target: Float64Array
  readonly features: readonly FeatureSpec[]
  readonly validation: { readonly frame: Frame; readonly target: Float64Array } | undefined
  readonly seed: number
}

/** What a learner has learned: raw scores (log-odds, value, or a logit for each class), here and as part of a graph. */
export interface Fitted {
  /** rows × outputs, row-major. */
  scores(frame: Frame): Float64Array
  /** One number ≥ 0 for each feature. */
  readonly importance: readonly number[]
  /** What the learner adds to the model's description. */
  readonly summary: JsonObject
  /** Adds the computation of the scores, [rows, outputs], from one input for each feature. */
  addTo(graph: GraphBuilder, inputs: readonly string[]): Scores
}
