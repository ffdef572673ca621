import type { GraphBuilder, Scores } from './onnx-graph.ts'
import type { Ensemble } from './trees.ts'
import type { FeatureBins } from './trees-bins.ts'
import type { Tree } from './trees-tree.ts'

/** Where a tree node finds what it compares: a column of the ensemble's input and a float32 threshold; ≤ goes left. */
interface Test {
  readonly column: number
  readonly threshold: number
}

const LEAF: Tree = {
  feature: new Int32Array(0),
  goesLeft: new Uint8Array(0),
  splitBin: new Uint8Array(0),
  gain: new Float64Array(0),
  left: new Int32Array(0),
  right: new Int32Array(0),
  values: new Float32Array(1),
}

/**
 * The ensemble as one TreeEnsembleRegressor over a matrix of numbers. Numbers go in as they are. Each different set of categories that some
 * node sends left becomes a column that is 0 inside the set and 1 outside, looked up by the category: so all nodes compare by ≤, the
 * kernel's fast path, and the decision is exact.
 */
export function addTrees(graph: GraphBuilder, inputs: readonly string[], ensemble: Ensemble): Scores {
  const { bins, rounds, start } = ensemble
  const outputs = rounds.flatMap((round) => round.map((_, output) => output))
  const trees = rounds.length > 0 ? rounds.flat() : [LEAF]
  const columns = numberColumns(bins)
  const sets = bins.map(() => new Map<string, number>())
  for (const tree of trees) collectSets(tree, bins, sets)
  let next = columns.size
  for (const set of sets) for (const key of set.keys()) set.set(key, next++)
  const parts = inputs.filter((_, index) => bins[index]!.kind === 'number')
  const masks = bins.flatMap((featureBins, index) =>
    sets[index]!.size > 0 ? [addMasks(graph, inputs[index]!, featureBins, [...sets[index]!.keys()])] : [],
  )
  if (parts.length + masks.length === 0) masks.push(addMasks(graph, inputs[0]!, bins[0]!, ['']))
  if (masks.length > 0) parts.push(graph.cast(join(graph, masks), 'FP32'))
  const matrix = join(graph, parts)
  const testOf = (tree: Tree, node: number): Test => {
    const feature = tree.feature[node]!
    const featureBins = bins[feature]!
    if (featureBins.kind === 'category') {
      return { column: sets[feature]!.get(setKey(tree, node, featureBins))!, threshold: 0.5 }
    }
    return { column: columns.get(feature)!, threshold: thresholdOf(tree, node, featureBins.thresholds) }
  }
  const attributes = ensembleAttributes(trees, outputs, testOf)
  const name = graph.addMl('TreeEnsembleRegressor', [matrix], {
    ...attributes,
    n_targets: start.length,
    base_values: Float32Array.from(start),
  })
  return { name, datatype: 'FP32' }
}

function numberColumns(bins: readonly FeatureBins[]): Map<number, number> {
  const numbers = bins.flatMap(({ kind }, index) => (kind === 'number' ? [index] : []))
  return new Map(numbers.map((feature, column) => [feature, column]))
}

/** A last bin that goes left means: every number does, and only missing values go right. */
function thresholdOf(tree: Tree, node: number, thresholds: Float32Array): number {
  return thresholds[tree.splitBin[node]! - 1] ?? Infinity
}

/** The bins that go left, as text: one character a bin. */
function setKey(tree: Tree, node: number, bins: FeatureBins): string {
  return tree.goesLeft.subarray(node * 256, node * 256 + bins.size).join('')
}

function collectSets(tree: Tree, bins: readonly FeatureBins[], sets: readonly Map<string, number>[]): void {
  tree.feature.forEach((feature, node) => {
    const featureBins = bins[feature]!
    if (featureBins.kind === 'category') sets[feature]!.set(setKey(tree, node, featureBins), 0)
  })
}

/** UINT8 [rows, sets]: 0 where the row's category is in the set. */
function addMasks(graph: GraphBuilder, input: string, bins: FeatureBins, keys: readonly string[]): string {
  const categories = bins.kind === 'category' ? bins.categories : []
  const codes = graph.encodeLabels(
    input,
    categories,
    categories.map((_, index) => index + 1),
    0,
  )
  const table = new Uint8Array(bins.size * keys.length)
  keys.forEach((key, column) => {
    for (let bin = 0; bin < bins.size; bin++) table[bin * keys.length + column] = key[bin] === '1' ? 0 : 1
  })
  return graph.add('Gather', [graph.constant('UINT8', [bins.size, keys.length], table), codes], { axis: 0 })
}

function join(graph: GraphBuilder, parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : graph.add('Concat', parts, { axis: 1 })
}

function ensembleAttributes(
  trees: readonly Tree[],
  outputs: readonly number[],
  testOf: (tree: Tree, node: number) => Test,
) {
  const nodes: {
    tree: number
    id: number
    mode: string
    column: number
    threshold: number
    yes: number
    no: number
    missing: number
  }[] = []
  const leaves: { tree: number; id: number; output: number; value: number }[] = []
  trees.forEach((tree, index) => {
    const inner = tree.feature.length
    const idOf = (child: number) => (child < 0 ? inner + ~child : child)
    for (let id = 0; id < inner; id++) {
      const [yes, no] = [idOf(tree.left[id]!), idOf(tree.right[id]!)]
      const missing = tree.splitBin[id]! > 0 ? tree.goesLeft[id * 256]! : 0
      nodes.push({ tree: index, id, mode: 'BRANCH_LEQ', ...testOf(tree, id), yes, no, missing })
    }
    tree.values.forEach((value, leaf) => {
      const id = inner + leaf
      nodes.push({ tree: index, id, mode: 'LEAF', column: 0, threshold: 0, yes: 0, no: 0, missing: 0 })
      leaves.push({ tree: index, id, output: outputs[index] ?? 0, value })
    })
  })
  return {
    nodes_treeids: Int32Array.from(nodes, ({ tree }) => tree),
    nodes_nodeids: Int32Array.from(nodes, ({ id }) => id),
    nodes_featureids: Int32Array.from(nodes, ({ column }) => column),
    nodes_modes: nodes.map(({ mode }) => mode),
    nodes_values: Float32Array.from(nodes, ({ threshold }) => threshold),
    nodes_truenodeids: Int32Array.from(nodes, ({ yes }) => yes),
    nodes_falsenodeids: Int32Array.from(nodes, ({ no }) => no),
    nodes_missing_value_tracks_true: Int32Array.from(nodes, ({ missing }) => missing),
    target_treeids: Int32Array.from(leaves, ({ tree }) => tree),
    target_nodeids: Int32Array.from(leaves, ({ id }) => id),
    target_ids: Int32Array.from(leaves, ({ output }) => output),
    target_weights: Float32Array.from(leaves, ({ value }) => value),
  }
}
