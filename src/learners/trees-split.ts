import type { TreesParams } from './schema.ts'
import type { FeatureBins } from './trees-bins.ts'
import { STRIDE } from './trees-histogram.ts'
import type { Histogram } from './trees-histogram.ts'

export interface Sums {
  readonly gradient: number
  readonly hessian: number
  readonly rows: number
}

export interface Split {
  readonly feature: number
  readonly gain: number
  readonly left: Sums
  /** The L2 that the split was found with; its children's values use it too. */
  readonly l2: number
  readonly goesLeft: Uint8Array
  readonly splitBin: number
}

/** The best split so far while a leaf is searched. */
interface Best {
  score: number
  split: Omit<Split, 'gain'> | undefined
}

/** A leaf's value before the learning rate, or its share of the score when squared gradients are wanted. */
export function leafValue(sums: Sums, l2: number): number {
  const weight = sums.hessian + l2
  return weight > 0 ? -sums.gradient / weight : 0
}

/** The split of a leaf with the greatest gain (Newton gain, G²/(H + l2) summed over children, less the parent's), if any is allowed. */
export function findSplit(
  histogram: Histogram,
  leaf: Sums,
  bins: readonly FeatureBins[],
  offsets: Int32Array,
  features: Uint32Array,
  params: TreesParams,
): Split | undefined {
  const parent = scoreOf(leaf.gradient, leaf.hessian, params.l2)
  // The relative margin keeps rounding noise in the sums from passing for a gain.
  const best: Best = { score: parent + params.minGain + 1e-10 * parent, split: undefined }
  for (const feature of features) {
    const featureBins = bins[feature]!
    const slice = histogram.subarray(
      offsets[feature]! * STRIDE,
      (offsets[feature]! + featureBins.size) * STRIDE,
    )
    if (featureBins.kind === 'number') searchNumber(slice, leaf, feature, params, best)
    else if (featureBins.size - 1 <= params.maxCategoriesOneHot)
      searchOneHot(slice, leaf, feature, params, best)
    else searchCategories(slice, leaf, feature, params, best)
  }
  return best.split && { ...best.split, gain: best.score - parent }
}

function searchNumber(slice: Histogram, leaf: Sums, feature: number, params: TreesParams, best: Best): void {
  scanNumber(slice, leaf, feature, params, best, false)
  if (slice[2]! > 0) scanNumber(slice, leaf, feature, params, best, true)
}

function scanNumber(
  slice: Histogram,
  leaf: Sums,
  feature: number,
  { l2, minRowsInLeaf, minHessianInLeaf }: TreesParams,
  best: Best,
  missingLeft: boolean,
): void {
  const size = slice.length / STRIDE
  let [gradient, hessian, rows] = missingLeft ? [slice[0]!, slice[1]!, slice[2]!] : [0, 0, 0]
  let found = 0
  let [foundGradient, foundHessian, foundRows] = [0, 0, 0]
  const last = slice[2]! > 0 && !missingLeft ? size - 1 : size - 2
  for (let bin = 1; bin <= last; bin++) {
    gradient += slice[bin * STRIDE]!
    hessian += slice[bin * STRIDE + 1]!
    rows += slice[bin * STRIDE + 2]!
    if (rows < minRowsInLeaf || hessian < minHessianInLeaf) continue
    const restHessian = leaf.hessian - hessian
    if (leaf.rows - rows < minRowsInLeaf || restHessian < minHessianInLeaf) break
    const rest = leaf.gradient - gradient
    const score = (gradient * gradient) / (hessian + l2) + (rest * rest) / (restHessian + l2)
    if (score > best.score) {
      best.score = score
      found = bin
      foundGradient = gradient
      foundHessian = hessian
      foundRows = rows
    }
  }
  if (found === 0) return
  const left = { gradient: foundGradient, hessian: foundHessian, rows: foundRows }
  const missingGoesLeft = slice[2]! > 0 ? missingLeft : foundRows * 2 >= leaf.rows
  const goesLeft = new Uint8Array(256).fill(1, 1, found + 1)
  goesLeft[0] = missingGoesLeft ? 1 : 0
  best.split = { feature, left, l2, goesLeft, splitBin: found }
}

function searchOneHot(slice: Histogram, leaf: Sums, feature: number, params: TreesParams, best: Best): void {
  for (let bin = 0; bin < slice.length / STRIDE; bin++) {
    const left = sumsAt(slice, bin)
    if (left.rows === 0 || !allows(left, leaf, params, params.minRowsInLeaf)) continue
    offerCategories(best, feature, [bin], left, leaf, params.l2)
  }
}

/**
 * Sets of categories by Fisher's grouping as LightGBM does it: sort by gradient / (hessian + catSmooth), then let sets grow from either
 * end up to `maxCategoriesInSplit`. The missing bin takes part as a category of its own.
 */
function searchCategories(
  slice: Histogram,
  leaf: Sums,
  feature: number,
  params: TreesParams,
  best: Best,
): void {
  const ratio = (bin: number) => slice[bin * STRIDE]! / (slice[bin * STRIDE + 1]! + params.catSmooth)
  const sorted: number[] = []
  for (let bin = 0; bin < slice.length / STRIDE; bin++) {
    if (slice[bin * STRIDE + 2]! >= Math.max(params.catSmooth, 1)) sorted.push(bin)
  }
  sorted.sort((a, b) => ratio(a) - ratio(b) || a - b)
  growSet(slice, sorted, leaf, feature, params, best)
  growSet(slice, sorted.reverse(), leaf, feature, params, best)
}

function growSet(
  slice: Histogram,
  sorted: readonly number[],
  leaf: Sums,
  feature: number,
  params: TreesParams,
  best: Best,
): void {
  const most = Math.min(params.maxCategoriesInSplit, (sorted.length + 1) >>> 1)
  let left: Sums = { gradient: 0, hessian: 0, rows: 0 }
  let groupRows = 0
  for (let i = 0; i < most; i++) {
    const bin = sumsAt(slice, sorted[i]!)
    left = add(left, bin)
    groupRows += bin.rows
    if (left.rows < params.minRowsInLeaf || left.hessian < params.minHessianInLeaf) continue
    if (!allows(left, leaf, params, Math.max(params.minRowsInLeaf, params.minRowsPerGroup))) break
    if (groupRows < params.minRowsPerGroup) continue
    groupRows = 0
    offerCategories(best, feature, sorted.slice(0, i + 1), left, leaf, params.l2 + params.catL2)
  }
}

function offerCategories(
  best: Best,
  feature: number,
  set: readonly number[],
  left: Sums,
  leaf: Sums,
  l2: number,
): void {
  const score =
    scoreOf(left.gradient, left.hessian, l2) +
    scoreOf(leaf.gradient - left.gradient, leaf.hessian - left.hessian, l2)
  if (!(score > best.score)) return
  best.score = score
  const goesLeft = new Uint8Array(256)
  for (const bin of set) goesLeft[bin] = 1
  best.split = { feature, left, l2, goesLeft, splitBin: 0 }
}

function allows(left: Sums, leaf: Sums, params: TreesParams, minRestRows: number): boolean {
  return (
    left.rows >= params.minRowsInLeaf &&
    left.hessian >= params.minHessianInLeaf &&
    leaf.rows - left.rows >= minRestRows &&
    leaf.hessian - left.hessian >= params.minHessianInLeaf
  )
}

function sumsAt(slice: Histogram, bin: number): Sums {
  const at = bin * STRIDE
  return { gradient: slice[at]!, hessian: slice[at + 1]!, rows: slice[at + 2]! }
}

function add(a: Sums, b: Sums): Sums {
  return { gradient: a.gradient + b.gradient, hessian: a.hessian + b.hessian, rows: a.rows + b.rows }
}

function scoreOf(gradient: number, hessian: number, l2: number): number {
  const weight = hessian + l2
  return weight > 0 ? (gradient * gradient) / weight : 0
}
