import type { Json } from '../kernel/json.ts'
import type { Fitted, Training } from './fitted.ts'
import { makeDesign, makeEncodings, multiply, widthOf } from './logistic-design.ts'
import type { Design, Encoding } from './logistic-design.ts'
import { penalizedLoss } from './logistic-objective.ts'
import { addLinear } from './logistic-onnx.ts'
import { mean } from './losses.ts'
import { minimize } from './newton.ts'
import type { LogisticParams } from './schema.ts'

/** Weights of a linear model over the design's columns, one array for each output; the intercept comes first. */
export interface LinearModel {
  readonly encodings: readonly Encoding[]
  readonly weights: readonly Float64Array[]
}

/**
 * Logistic regression with an L2 penalty; softmax regression for several classes, ridge regression for values. The same optimum as
 * scikit-learn's LogisticRegression(C=1/l2) and Ridge(alpha=l2) on the same columns.
 */
export function trainLogistic(training: Training, params: LogisticParams): Fitted {
  const { frame, features, task, outputs } = training
  const encodings = makeEncodings(frame, features, params.minCategoryRows)
  const design = makeDesign(frame, encodings)
  const { target, unit, origin } =
    task === 'regression' ? standardize(training.target) : asItIs(training.target)
  const objective = penalizedLoss(design, target, task, outputs, params.l2)
  const { point, iterations, converged } = minimize(objective, params)
  const weights = Array.from({ length: outputs }, (_, output) => {
    const own = point.slice(output * design.width, (output + 1) * design.width).map((weight) => weight * unit)
    own[0]! += origin
    return own
  })
  const model = { encodings, weights }
  return {
    scores: (frame) => linearScores(makeDesign(frame, encodings), weights),
    importance: spreads(design, model),
    summary: { iterations, converged, ...describeWeights(model) },
    addTo: (graph, inputs) => addLinear(graph, inputs, model),
  }
}

function linearScores(design: Design, weights: readonly Float64Array[]): Float64Array {
  const result = new Float64Array(design.rows * weights.length)
  const column = new Float64Array(design.rows)
  weights.forEach((own, output) => {
    multiply(design, own, column)
    for (let row = 0; row < design.rows; row++) result[row * weights.length + output] = column[row]!
  })
  return result
}

/** For each feature the standard deviation of what it adds to the score, averaged over outputs. */
function spreads(design: Design, { encodings, weights }: LinearModel): number[] {
  const added = new Float64Array(design.rows)
  return encodings.map((_, feature) => {
    const { part, columns } = partOf(design, feature)
    const perOutput = weights.map((own) => {
      multiply(part, Float64Array.of(0, ...columns.map((column) => own[column]!)), added)
      const center = mean(added)
      return Math.sqrt(added.reduce((sum, value) => sum + (value - center) ** 2, 0) / added.length)
    })
    return mean(Float64Array.from(perOutput))
  })
}

/** The blocks of one feature as a design of their own, with their columns in the whole. */
function partOf(design: Design, feature: number): { part: Design; columns: number[] } {
  const columns: number[] = []
  let column = 1
  for (const block of design.blocks) {
    for (let i = 0; i < widthOf(block); i++, column++) if (block.feature === feature) columns.push(column)
  }
  const blocks = design.blocks.filter((block) => block.feature === feature)
  return { part: { rows: design.rows, width: columns.length + 1, blocks }, columns }
}

/** Weights by name; each is a list with one entry for each output. Weights of numbers are for one standard deviation. */
function describeWeights({ encodings, weights }: LinearModel): { intercept: number[]; weights: Json } {
  let column = 1
  const next = () => {
    const place = column++
    return weights.map((own) => own[place]!)
  }
  const named = encodings.map((encoding): [string, Json] => {
    if (encoding.kind === 'category') {
      return [encoding.name, Object.fromEntries(encoding.categories.map((category) => [category, next()]))]
    }
    const { mean, scale, hasMissing } = encoding
    return [encoding.name, { mean, scale, weight: next(), ...(hasMissing ? { missing: next() } : {}) }]
  })
  return { intercept: weights.map((own) => own[0]!), weights: Object.fromEntries(named) }
}

function standardize(target: Float64Array): { target: Float64Array; unit: number; origin: number } {
  const origin = mean(target)
  const spread = Math.sqrt(target.reduce((sum, value) => sum + (value - origin) ** 2, 0) / target.length)
  const unit = spread > 0 ? spread : 1
  return { target: target.map((value) => (value - origin) / unit), unit, origin }
}

function asItIs(target: Float64Array): { target: Float64Array; unit: number; origin: number } {
  return { target, unit: 1, origin: 0 }
}
