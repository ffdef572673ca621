import type { Attribute, GraphBuilder, Scores } from './onnx-graph.ts'
import type { Ensemble } from './trees.ts'
import type { FeatureBins } from './trees-bins.ts'
import type { Tree } from './trees-tree.ts'

/** What a tree node compares: a column of the ensemble's input with a float32 threshold; ≤ goes left. */
interface Test {
  readonly column: number
  readonly threshold: number
}

interface Matrix {
  readonly name: string
  readonly testOf: (tree: Tree, node: number) => Test
}

/** A tree of one leaf that adds nothing: ONNX Runtime forgets the base value of an output that no tree adds to. */
const NOTHING: Tree = {
  feature: new Int32Array(0),
  goesLeft: new Uint8Array(0),
  splitBin: new Uint8Array(0),
  gain: new Float64Array(0),
  left: new Int32Array(0),
  right: new Int32Array(0),
  values: new Float32Array(1),
}

/**
 * The ensemble as one TreeEnsembleRegressor over a matrix of numbers. Leaf values are summed in float32, or in float64 at twice the memory
 * where sums may cancel (`precise`).
 */
export function addTrees(
  graph: GraphBuilder,
  inputs: readonly string[],
  { bins, rounds, start }: Ensemble,
  precise: boolean,
): Scores {
  const trees = rounds.length > 0 ? rounds.flat() : start.map(() => NOTHING)
  const { name: matrix, testOf } = addMatrix(graph, inputs, bins, trees)
  const reals = (name: string, values: readonly number[]): [string, Attribute] =>
    precise ? [`${name}_as_tensor`, Float64Array.from(values)] : [name, Float32Array.from(values)]
  const { tests, leaves } = structureOf(trees, start.length, testOf)
  const name = graph.addMl('TreeEnsembleRegressor', [precise ? graph.cast(matrix, 'FP64') : matrix], {
    n_targets: start.length,
    ...Object.fromEntries([
      reals('base_values', start),
      reals('nodes_values', tests.thresholds),
      reals('target_weights', leaves.values),
    ]),
    nodes_treeids: Int32Array.from(tests.trees),
    nodes_nodeids: Int32Array.from(tests.ids),
    nodes_featureids: Int32Array.from(tests.columns),
    nodes_modes: tests.modes,
    nodes_truenodeids: Int32Array.from(tests.left),
    nodes_falsenodeids: Int32Array.from(tests.right),
    nodes_missing_value_tracks_true: Int32Array.from(tests.missingLeft),
    target_treeids: Int32Array.from(leaves.trees),
    target_nodeids: Int32Array.from(leaves.ids),
    target_ids: Int32Array.from(leaves.outputs),
  })
  return { name, datatype: 'FP32' }
}

/**
 * FP32 [rows, columns]. Numbers go in as they are. Each different set of categories that some node sends left becomes a column that is 0
 * inside the set and 1 outside: so all nodes compare by ≤, the kernel's fast path, and the decision is exact.
 */
function addMatrix(
  graph: GraphBuilder,
  inputs: readonly string[],
  bins: readonly FeatureBins[],
  trees: readonly Tree[],
): Matrix {
  const numbers = bins.flatMap(({ kind }, feature) => (kind === 'number' ? [feature] : []))
  const sets = collectSets(trees, bins)
  const parts = numbers.map((feature) => inputs[feature]!)
  const masks = sets.flatMap((keys, feature) =>
    keys.size > 0 ? [addMasks(graph, inputs[feature]!, bins[feature]!, [...keys.keys()])] : [],
  )
  if (parts.length + masks.length === 0) masks.push(addMasks(graph, inputs[0]!, bins[0]!, ['']))
  if (masks.length > 0) parts.push(graph.cast(join(graph, masks), 'FP32'))
  let next = numbers.length
  for (const keys of sets) for (const key of keys.keys()) keys.set(key, next++)
  const testOf = (tree: Tree, node: number): Test => {
    const feature = tree.feature[node]!
    const featureBins = bins[feature]!
    if (featureBins.kind === 'category') {
      return { column: sets[feature]!.get(setKey(tree, node, featureBins))!, threshold: 0.5 }
    }
    // When the last bin goes left, every number does and only missing values go right.
    const threshold = featureBins.thresholds[tree.splitBin[node]! - 1] ?? Infinity
    return { column: numbers.indexOf(feature), threshold }
  }
  return { name: join(graph, parts), testOf }
}

/** For each feature the sets of bins that some node sends left, to become the columns of their masks. */
function collectSets(trees: readonly Tree[], bins: readonly FeatureBins[]): Map<string, number>[] {
  const sets = bins.map(() => new Map<string, number>())
  for (const tree of trees) {
    tree.feature.forEach((feature, node) => {
      const featureBins = bins[feature]!
      if (featureBins.kind === 'category') sets[feature]!.set(setKey(tree, node, featureBins), 0)
    })
  }
  return sets
}

/** The bins that go left, as text: one digit a bin. */
function setKey(tree: Tree, node: number, bins: FeatureBins): string {
  return tree.goesLeft.subarray(node * 256, node * 256 + bins.size).join('')
}

/** UINT8 [rows, sets]: 0 where the row's category is in the set. */
function addMasks(graph: GraphBuilder, input: string, bins: FeatureBins, keys: readonly string[]): string {
  const categories = bins.kind === 'category' ? bins.categories : []
  const places = categories.map((_, index) => index + 1)
  const codes = graph.encodeLabels(input, categories, places, 0)
  const table = new Uint8Array(bins.size * keys.length)
  keys.forEach((key, column) => {
    for (let bin = 0; bin < bins.size; bin++) table[bin * keys.length + column] = key[bin] === '1' ? 0 : 1
  })
  return graph.add('Gather', [graph.constant('UINT8', [bins.size, keys.length], table), codes], { axis: 0 })
}

function join(graph: GraphBuilder, parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : graph.add('Concat', parts, { axis: 1 })
}

/** The trees as the operator's parallel lists. A tree's inner nodes come first, then its leaves; id 0 is the root. */
function structureOf(trees: readonly Tree[], outputs: number, testOf: Matrix['testOf']) {
  const tests = {
    trees: [] as number[],
    ids: [] as number[],
    modes: [] as string[],
    columns: [] as number[],
    thresholds: [] as number[],
    left: [] as number[],
    right: [] as number[],
    missingLeft: [] as number[],
  }
  const leaves = {
    trees: [] as number[],
    ids: [] as number[],
    outputs: [] as number[],
    values: [] as number[],
  }
  trees.forEach((tree, place) => {
    const inner = tree.feature.length
    const idOf = (child: number) => (child < 0 ? inner + ~child : child)
    for (let id = 0; id < inner + tree.values.length; id++) {
      const isLeaf = id >= inner
      const { column, threshold } = isLeaf ? { column: 0, threshold: 0 } : testOf(tree, id)
      tests.trees.push(place)
      tests.ids.push(id)
      tests.modes.push(isLeaf ? 'LEAF' : 'BRANCH_LEQ')
      tests.columns.push(column)
      tests.thresholds.push(threshold)
      tests.left.push(isLeaf ? 0 : idOf(tree.left[id]!))
      tests.right.push(isLeaf ? 0 : idOf(tree.right[id]!))
      // Masks are never NaN: only numbers (which have a split bin) can be missing there.
      tests.missingLeft.push(!isLeaf && tree.splitBin[id]! > 0 ? tree.goesLeft[id * 256]! : 0)
    }
    tree.values.forEach((value, leaf) => {
      leaves.trees.push(place)
      leaves.ids.push(inner + leaf)
      leaves.outputs.push(place % outputs)
      leaves.values.push(value)
    })
  })
  return { tests, leaves }
}
