/** Σ gradient, Σ hessian and rows for each bin, interleaved; a feature's bins begin at its offset. */
export type Histogram = Float64Array

/** Numbers kept for each bin. */
export const STRIDE = 3

/**
 * Fills the histogram of a leaf: `rows[from .. to)`, with their gradients and hessians. Features are taken two at a time, so that the
 * additions of one do not wait for those of the other.
 */
export function fillHistogram(
  histogram: Histogram,
  leaf: { rows: Uint32Array; from: number; to: number },
  gradients: Float32Array,
  hessians: Float32Array,
  columns: readonly Uint8Array[],
  offsets: Int32Array,
  features: Uint32Array,
): void {
  histogram.fill(0)
  const rows = leaf.rows.subarray(leaf.from, leaf.to)
  let at = 0
  for (; at + 1 < features.length; at += 2) {
    const first = features[at]!
    const second = features[at + 1]!
    const [a, b] = [offsets[first]! * STRIDE, offsets[second]! * STRIDE]
    addPair(histogram, rows, gradients, hessians, columns[first]!, a, columns[second]!, b)
  }
  if (at < features.length) {
    const last = features[at]!
    addOne(histogram, rows, gradients, hessians, columns[last]!, offsets[last]! * STRIDE)
  }
}

/** Turns a parent's histogram into that of the other child. */
export function subtractHistogram(parent: Histogram, child: Histogram): void {
  for (let i = 0; i < parent.length; i++) parent[i]! -= child[i]!
}

function addOne(
  histogram: Histogram,
  rows: Uint32Array,
  gradients: Float32Array,
  hessians: Float32Array,
  column: Uint8Array,
  offset: number,
): void {
  for (let i = 0; i < rows.length; i++) {
    const at = offset + column[rows[i]!]! * STRIDE
    histogram[at]! += gradients[i]!
    histogram[at + 1]! += hessians[i]!
    histogram[at + 2]! += 1
  }
}

function addPair(
  histogram: Histogram,
  rows: Uint32Array,
  gradients: Float32Array,
  hessians: Float32Array,
  first: Uint8Array,
  firstOffset: number,
  second: Uint8Array,
  secondOffset: number,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const gradient = gradients[i]!
    const hessian = hessians[i]!
    const a = firstOffset + first[row]! * STRIDE
    const b = secondOffset + second[row]! * STRIDE
    histogram[a]! += gradient
    histogram[a + 1]! += hessian
    histogram[a + 2]! += 1
    histogram[b]! += gradient
    histogram[b + 1]! += hessian
    histogram[b + 2]! += 1
  }
}
