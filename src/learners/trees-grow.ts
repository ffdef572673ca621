import type { TreesParams } from './schema.ts'
import type { FeatureBins } from './trees-bins.ts'
import { fillHistogram, STRIDE, subtractHistogram } from './trees-histogram.ts'
import type { Histogram, HistogramColumn } from './trees-histogram.ts'
import { findSplit, leafValue } from './trees-split.ts'
import type { Split, Sums } from './trees-split.ts'
import type { Tree } from './trees-tree.ts'

interface Leaf {
  /** Its rows are `#rows[from .. to)`. */
  from: number
  to: number
  readonly depth: number
  readonly sums: Sums
  readonly l2: number
  /** The node above it and on which side it hangs there; -1 is the root. */
  readonly parent: number
  readonly isLeft: boolean
  histogram: Histogram | undefined
  split: Split | undefined
}

/** Grows trees leaf by leaf, the greatest gain first (LightGBM). Owns the buffers that all trees of a training share. */
export class TreeGrower {
  readonly #columns: readonly Uint8Array[]
  readonly #bins: readonly FeatureBins[]
  readonly #params: TreesParams
  readonly #offsets: Int32Array
  readonly #histogramSize: number
  readonly #rows: Uint32Array
  readonly #spill: Uint32Array
  readonly #free: Histogram[] = []
  #leaves: Leaf[] = []
  #nodes: { split: Split; left: number; right: number }[] = []

  constructor(columns: readonly Uint8Array[], bins: readonly FeatureBins[], params: TreesParams) {
    const rows = columns[0]!.length
    this.#columns = columns
    this.#bins = bins
    this.#params = params
    this.#offsets = new Int32Array(bins.length)
    for (let i = 1; i < bins.length; i++) this.#offsets[i] = this.#offsets[i - 1]! + bins[i - 1]!.size
    this.#histogramSize = bins.reduce((sum, { size }) => sum + size, 0) * STRIDE
    this.#rows = new Uint32Array(rows)
    this.#spill = new Uint32Array(rows)
  }

  /** A tree for the derivatives (each row's gradient and hessian, interleaved) over the given rows (all of them when undefined) and features. */
  grow(derivatives: Float32Array, rows: Uint32Array | undefined, features: Uint32Array): Tree {
    const count = rows?.length ?? this.#rows.length
    if (rows) this.#rows.set(rows)
    else for (let row = 0; row < count; row++) this.#rows[row] = row
    this.#nodes = []
    const root = this.#root(derivatives, count)
    this.#leaves = [root]
    this.#fill(root, derivatives, features)
    this.#search(root, features)
    while (this.#leaves.length < this.#params.leaves) {
      const next = this.#mostGain()
      if (next === undefined) break
      this.#apply(next, derivatives, features)
    }
    for (const leaf of this.#leaves) this.#release(leaf)
    return this.#finish()
  }

  /** Adds the values of the tree grown last to the scores of the rows it was grown on. */
  addToScores(tree: Tree, scores: Float64Array): void {
    this.#leaves.forEach(({ from, to }, leaf) => {
      const value = tree.values[leaf]!
      for (let i = from; i < to; i++) scores[this.#rows[i]!]! += value
    })
  }

  #root(derivatives: Float32Array, count: number): Leaf {
    let gradient = 0
    let hessian = 0
    for (let i = 0; i < count; i++) {
      gradient += derivatives[this.#rows[i]! * 2]!
      hessian += derivatives[this.#rows[i]! * 2 + 1]!
    }
    const sums = { gradient, hessian, rows: count }
    return this.#leaf(0, count, 0, sums, this.#params.l2, -1, true)
  }

  #leaf(
    from: number,
    to: number,
    depth: number,
    sums: Sums,
    l2: number,
    parent: number,
    isLeft: boolean,
  ): Leaf {
    return { from, to, depth, sums, l2, parent, isLeft, histogram: undefined, split: undefined }
  }

  #fill(leaf: Leaf, derivatives: Float32Array, features: Uint32Array): void {
    leaf.histogram = this.#free.pop() ?? new Float64Array(this.#histogramSize)
    const columns = Array.from(features, (feature): HistogramColumn => ({
      bins: this.#columns[feature]!,
      offset: this.#offsets[feature]! * STRIDE,
    }))
    fillHistogram(leaf.histogram, this.#rows.subarray(leaf.from, leaf.to), derivatives, columns)
  }

  #search(leaf: Leaf, features: Uint32Array): void {
    if (!leaf.histogram) return
    leaf.split = findSplit(leaf.histogram, leaf.sums, this.#bins, this.#offsets, features, this.#params)
    if (!leaf.split) this.#release(leaf)
  }

  #release(leaf: Leaf): void {
    if (leaf.histogram) this.#free.push(leaf.histogram)
    leaf.histogram = undefined
  }

  #mostGain(): Leaf | undefined {
    let best: Leaf | undefined
    for (const leaf of this.#leaves) {
      if (leaf.split && leaf.split.gain > (best?.split?.gain ?? -Infinity)) best = leaf
    }
    return best
  }

  /** Splits a leaf: its place in the list goes to the left child, the right child comes last. */
  #apply(leaf: Leaf, derivatives: Float32Array, features: Uint32Array): void {
    const split = leaf.split!
    const node = this.#nodes.push({ split, left: 0, right: 0 }) - 1
    if (leaf.parent >= 0) this.#nodes[leaf.parent]![leaf.isLeft ? 'left' : 'right'] = node
    const middle = this.#partition(leaf, split)
    const rest = {
      gradient: leaf.sums.gradient - split.left.gradient,
      hessian: leaf.sums.hessian - split.left.hessian,
      rows: leaf.sums.rows - split.left.rows,
    }
    const left = this.#leaf(leaf.from, middle, leaf.depth + 1, split.left, split.l2, node, true)
    const right = this.#leaf(middle, leaf.to, leaf.depth + 1, rest, split.l2, node, false)
    this.#leaves[this.#leaves.indexOf(leaf)] = left
    this.#leaves.push(right)
    const [small, large] = left.sums.rows <= right.sums.rows ? [left, right] : [right, left]
    if (this.#leaves.length === this.#params.leaves || !this.#canSplit(large)) return this.#release(leaf)
    this.#fill(small, derivatives, features)
    subtractHistogram(leaf.histogram!, small.histogram!)
    large.histogram = leaf.histogram
    leaf.histogram = undefined
    if (this.#canSplit(small)) this.#search(small, features)
    else this.#release(small)
    this.#search(large, features)
  }

  #canSplit({ sums, depth }: Leaf): boolean {
    const { maxDepth, minRowsInLeaf } = this.#params
    return sums.rows >= 2 * minRowsInLeaf && (maxDepth === 0 || depth < maxDepth)
  }

  /** Moves the rows that go left to the front, keeping their order; returns where the others begin. */
  #partition({ from, to }: Leaf, { feature, goesLeft }: Split): number {
    const rows = this.#rows
    const spill = this.#spill
    const column = this.#columns[feature]!
    let left = from
    let right = 0
    for (let i = from; i < to; i++) {
      const row = rows[i]!
      const isLeft = goesLeft[column[row]!]!
      rows[left] = row
      spill[right] = row
      left += isLeft
      right += 1 - isLeft
    }
    rows.set(spill.subarray(0, right), left)
    return left
  }

  #finish(): Tree {
    const nodes = this.#nodes
    this.#leaves.forEach(({ parent, isLeft }, leaf) => {
      if (parent >= 0) nodes[parent]![isLeft ? 'left' : 'right'] = ~leaf
    })
    const goesLeft = new Uint8Array(nodes.length * 256)
    nodes.forEach(({ split }, node) => goesLeft.set(split.goesLeft, node * 256))
    return {
      feature: Int32Array.from(nodes, ({ split }) => split.feature),
      goesLeft,
      splitBin: Uint8Array.from(nodes, ({ split }) => split.splitBin),
      gain: Float64Array.from(nodes, ({ split }) => split.gain),
      left: Int32Array.from(nodes, ({ left }) => left),
      right: Int32Array.from(nodes, ({ right }) => right),
      values: Float32Array.from(
        this.#leaves,
        ({ sums, l2 }) => this.#params.learningRate * leafValue(sums, l2),
      ),
    }
  }
}
