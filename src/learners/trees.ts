import type { Fitted, Training } from './fitted.ts'
import { lossOf } from './losses.ts'
import { pick, seededRandom } from './random.ts'
import type { FeatureSpec, Frame, TreesParams } from './schema.ts'
import { binColumn, makeBins } from './trees-bins.ts'
import type { FeatureBins } from './trees-bins.ts'
import { TreeGrower } from './trees-grow.ts'
import { addTrees } from './trees-onnx.ts'
import { addTree, depthOf } from './trees-tree.ts'
import type { Tree } from './trees-tree.ts'

/** A boosted ensemble: `rounds[round][output]`. */
export interface Ensemble {
  readonly features: readonly FeatureSpec[]
  readonly bins: readonly FeatureBins[]
  /** Where each output's score begins, exact in float32. */
  readonly start: readonly number[]
  readonly rounds: readonly (readonly Tree[])[]
}

const DEFAULT_PATIENCE = 50

/**
 * Gradient boosting over histograms, leaf-wise: G. Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree" (2017), without its
 * sampling and bundling. With a validation frame it keeps the rounds up to the smallest validation loss.
 */
export function trainTrees(training: Training, params: TreesParams): Fitted {
  const random = seededRandom(training.seed)
  const { frame, features } = training
  const bins = features.map((feature) => makeBins(frame, feature, params.maxBins, random))
  const start = lossOf(training.task, training.outputs).start(training.target).map(Math.fround)
  const { rounds, losses, best } = boost(training, params, bins, start, random)
  const ensemble: Ensemble = { features, bins, start, rounds: rounds.slice(0, best) }
  return toFitted(ensemble, losses, training.task === 'regression')
}

function boost(
  training: Training,
  params: TreesParams,
  bins: readonly FeatureBins[],
  start: readonly number[],
  random: () => number,
): { rounds: Tree[][]; losses: number[]; best: number } {
  const { frame, target, features, validation } = training
  const loss = lossOf(training.task, training.outputs)
  const columns = binFrame(frame, features, bins)
  const grower = new TreeGrower(columns, bins, params)
  const scores = constantScores(start, frame.rows)
  const derivatives = start.map(() => new Float32Array(frame.rows * 2))
  const validationColumns = validation && binFrame(validation.frame, features, bins)
  const validationScores = validation && constantScores(start, validation.frame.rows)
  const patience = params.earlyStoppingRounds ?? DEFAULT_PATIENCE
  const rounds: Tree[][] = []
  const losses: number[] = []
  let best = 0
  while (rounds.length < params.trees && rounds.length - best < (validation ? patience : Infinity)) {
    loss.derive(scores, target, derivatives)
    const rows = chooseRows(frame.rows, params.rowFraction, random)
    const trees = start.map((_, output) => {
      const chosen = chooseFeatures(features.length, params.featureFraction, random)
      const tree = grower.grow(derivatives[output]!, rows, chosen)
      if (rows) addTree(tree, columns, scores[output]!)
      else grower.addToScores(tree, scores[output]!)
      return tree
    })
    if (!rows && params.featureFraction === 1 && trees.every(({ feature }) => feature.length === 0)) break
    rounds.push(trees)
    if (validation && validationColumns && validationScores) {
      trees.forEach((tree, output) => addTree(tree, validationColumns, validationScores[output]!))
      losses.push(loss.mean(validationScores, validation.target))
      if (losses.at(-1)! < (losses[best - 1] ?? Infinity)) best = rounds.length
    } else {
      best = rounds.length
    }
  }
  return { rounds, losses, best }
}

function toFitted(ensemble: Ensemble, losses: readonly number[], precise: boolean): Fitted {
  const { features, bins, rounds, start } = ensemble
  const trees = rounds.flat()
  const importance = features.map(() => 0)
  for (const { feature, gain } of trees) feature.forEach((index, node) => (importance[index]! += gain[node]!))
  return {
    scores: (frame) => ensembleScores(ensemble, frame),
    importance,
    summary: {
      iterations: rounds.length,
      trees: trees.length,
      leaves: trees.reduce((sum, { values }) => sum + values.length, 0),
      depth: trees.reduce((most, tree) => Math.max(most, depthOf(tree)), 0),
      start: [...start],
      validationLosses: [...losses],
      categories: Object.fromEntries(
        features.flatMap(({ name }, i) => {
          const featureBins = bins[i]!
          return featureBins.kind === 'category' ? [[name, [...featureBins.categories]]] : []
        }),
      ),
    },
    addTo: (graph, inputs) => addTrees(graph, inputs, ensemble, precise),
  }
}

function ensembleScores({ features, bins, start, rounds }: Ensemble, frame: Frame): Float64Array {
  const columns = binFrame(frame, features, bins)
  const scores = constantScores(start, frame.rows)
  for (const round of rounds) round.forEach((tree, output) => addTree(tree, columns, scores[output]!))
  const result = new Float64Array(frame.rows * start.length)
  scores.forEach((column, output) => {
    for (let row = 0; row < column.length; row++) result[row * start.length + output] = column[row]!
  })
  return result
}

function binFrame(
  frame: Frame,
  features: readonly FeatureSpec[],
  bins: readonly FeatureBins[],
): Uint8Array[] {
  return features.map((feature, i) => binColumn(frame, feature, bins[i]!))
}

function constantScores(start: readonly number[], rows: number): Float64Array[] {
  return start.map((value) => new Float64Array(rows).fill(value))
}

function chooseRows(rows: number, fraction: number, random: () => number): Uint32Array | undefined {
  return fraction === 1 ? undefined : pick(Math.max(1, Math.round(rows * fraction)), rows, random)
}

function chooseFeatures(count: number, fraction: number, random: () => number): Uint32Array {
  return pick(fraction === 1 ? count : Math.max(1, Math.ceil(count * fraction)), count, random)
}
