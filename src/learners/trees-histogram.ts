/** Σ gradient, Σ hessian and rows for each bin, interleaved; a feature's bins begin at its offset. */
export type Histogram = Float64Array

/** Numbers kept for each bin. */
export const STRIDE = 3

/** A binned column, and where in the histogram its bins begin. */
export interface HistogramColumn {
  readonly bins: Uint8Array
  readonly offset: number
}

/**
 * Fills the histogram with the given rows. Derivatives are gradient and hessian of each row, interleaved. Columns are taken up to three at a
 * time, so that the additions of one do not wait for those of another.
 */
export function fillHistogram(
  histogram: Histogram,
  rows: Uint32Array,
  derivatives: Float32Array,
  columns: readonly HistogramColumn[],
): void {
  histogram.fill(0)
  for (let at = 0; at < columns.length; at += 3) {
    const [first, second, third] = [columns[at]!, columns[at + 1], columns[at + 2]]
    if (second === undefined) addOne(histogram, rows, derivatives, first)
    else if (third === undefined) addTwo(histogram, rows, derivatives, first, second)
    else addThree(histogram, rows, derivatives, first, second, third)
  }
}

/** Turns a parent's histogram into that of the other child. */
export function subtractHistogram(parent: Histogram, child: Histogram): void {
  for (let i = 0; i < parent.length; i++) parent[i]! -= child[i]!
}

function addOne(
  histogram: Histogram,
  rows: Uint32Array,
  derivatives: Float32Array,
  { bins, offset }: HistogramColumn,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const at = offset + bins[row]! * STRIDE
    histogram[at]! += derivatives[row * 2]!
    histogram[at + 1]! += derivatives[row * 2 + 1]!
    histogram[at + 2]! += 1
  }
}

function addTwo(
  histogram: Histogram,
  rows: Uint32Array,
  derivatives: Float32Array,
  { bins: firstBins, offset: firstOffset }: HistogramColumn,
  { bins: secondBins, offset: secondOffset }: HistogramColumn,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const gradient = derivatives[row * 2]!
    const hessian = derivatives[row * 2 + 1]!
    const a = firstOffset + firstBins[row]! * STRIDE
    const b = secondOffset + secondBins[row]! * STRIDE
    histogram[a]! += gradient
    histogram[a + 1]! += hessian
    histogram[a + 2]! += 1
    histogram[b]! += gradient
    histogram[b + 1]! += hessian
    histogram[b + 2]! += 1
  }
}

function addThree(
  histogram: Histogram,
  rows: Uint32Array,
  derivatives: Float32Array,
  { bins: firstBins, offset: firstOffset }: HistogramColumn,
  { bins: secondBins, offset: secondOffset }: HistogramColumn,
  { bins: thirdBins, offset: thirdOffset }: HistogramColumn,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const gradient = derivatives[row * 2]!
    const hessian = derivatives[row * 2 + 1]!
    const a = firstOffset + firstBins[row]! * STRIDE
    const b = secondOffset + secondBins[row]! * STRIDE
    const c = thirdOffset + thirdBins[row]! * STRIDE
    histogram[a]! += gradient
    histogram[a + 1]! += hessian
    histogram[a + 2]! += 1
    histogram[b]! += gradient
    histogram[b + 1]! += hessian
    histogram[b + 2]! += 1
    histogram[c]! += gradient
    histogram[c + 1]! += hessian
    histogram[c + 2]! += 1
  }
}
