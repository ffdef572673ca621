/**
 * One tree over bins. `goesLeft[node * 256 + bin]` is 1 when a row with that bin of the node's feature goes left: numbers, missing values
 * and categories alike. A child ≥ 0 is a node, a child < 0 is the leaf ~child. A tree without nodes has one leaf.
 */
export interface Tree {
  readonly feature: Int32Array
  readonly goesLeft: Uint8Array
  /** The last bin that goes left for numbers; 0 for categories. */
  readonly splitBin: Uint8Array
  readonly gain: Float64Array
  readonly left: Int32Array
  readonly right: Int32Array
  /** Leaf values, exact in float32. */
  readonly values: Float32Array
}

/** Adds to `scores` the tree's value for each row. */
export function addTree(tree: Tree, columns: readonly Uint8Array[], scores: Float64Array): void {
  const { feature, goesLeft, left, right, values } = tree
  const perNode = Array.from(feature, (index) => columns[index]!)
  const root = feature.length > 0 ? 0 : -1
  for (let row = 0; row < scores.length; row++) {
    let at = root
    while (at >= 0) at = goesLeft[at * 256 + perNode[at]![row]!] === 1 ? left[at]! : right[at]!
    scores[row]! += values[~at]!
  }
}

export function depthOf({ left, right, feature }: Tree): number {
  const depth = (at: number): number => (at < 0 ? 0 : 1 + Math.max(depth(left[at]!), depth(right[at]!)))
  return depth(feature.length > 0 ? 0 : -1)
}
