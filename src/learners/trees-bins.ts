import { categoriesByRows, codesIn, numbersOf } from './inputs.ts'
import type { FeatureSpec, Frame } from './schema.ts'

/**
 * How a feature's values become bins. Bin 0 holds missing values (for categories also unseen and rare ones). A number v lies in
 * bin b ≥ 1 when thresholds[b - 2] < v ≤ thresholds[b - 1]; category c is in bin c + 1. `size` counts all bins and is at most 255.
 */
export type FeatureBins =
  | { readonly kind: 'number'; readonly size: number; readonly thresholds: Float32Array }
  | { readonly kind: 'category'; readonly size: number; readonly categories: readonly string[] }

const SAMPLE_ROWS = 200_000

export function makeBins(
  frame: Frame,
  feature: FeatureSpec,
  maxBins: number,
  random: () => number,
): FeatureBins {
  if (feature.kind === 'category') {
    const categories = categoriesByRows(frame, feature.name)
      .slice(0, maxBins - 1)
      .map(({ category }) => category)
    return { kind: 'category', size: categories.length + 1, categories }
  }
  const sorted = sample(numbersOf(frame, feature.name), random).sort()
  const thresholds = quantileThresholds(sorted, maxBins - 1)
  return { kind: 'number', size: thresholds.length + 2, thresholds }
}

export function binColumn(frame: Frame, feature: FeatureSpec, bins: FeatureBins): Uint8Array {
  const result = new Uint8Array(frame.rows)
  if (bins.kind === 'category') {
    const codes = codesIn(frame, feature.name, bins.categories)
    for (let row = 0; row < result.length; row++) result[row] = codes[row]! + 1
    return result
  }
  const values = numbersOf(frame, feature.name)
  for (let row = 0; row < result.length; row++) {
    const value = values[row]!
    result[row] = Number.isNaN(value) ? 0 : 1 + firstAtLeast(bins.thresholds, value)
  }
  return result
}

function sample(values: Float32Array, random: () => number): Float32Array {
  if (values.length <= SAMPLE_ROWS) return values.slice()
  const picked = new Float32Array(SAMPLE_ROWS)
  const stride = values.length / SAMPLE_ROWS
  for (let i = 0; i < SAMPLE_ROWS; i++) picked[i] = values[Math.floor((i + random()) * stride)]!
  return picked
}

/**
 * At most `maxValueBins` bins of about equally many rows; a value with more rows than that gets a bin of its own
 * (LightGBM's GreedyFindBin). `sorted` may end in NaN. Thresholds are exact in float32.
 */
function quantileThresholds(sorted: Float32Array, maxValueBins: number): Float32Array {
  const { values, counts, total } = distinct(sorted)
  const gaps = values.length - 1
  if (gaps < maxValueBins)
    return Float32Array.from({ length: Math.max(gaps, 0) }, (_, i) => middle(values, i))
  const isBig = counts.map((count) => count >= total / maxValueBins)
  let restBins = maxValueBins - isBig.filter(Boolean).length
  let restRows = counts.reduce((sum, count, i) => (isBig[i] ? sum : sum + count), 0)
  let target = restRows / restBins
  let rows = 0
  const thresholds: number[] = []
  for (let i = 0; i < gaps && thresholds.length < maxValueBins - 1; i++) {
    if (!isBig[i]) restRows -= counts[i]!
    rows += counts[i]!
    if (!isBig[i] && rows < target && !(isBig[i + 1] && rows >= target / 2)) continue
    thresholds.push(middle(values, i))
    rows = 0
    if (!isBig[i]) target = restRows / --restBins
  }
  return Float32Array.from(thresholds)
}

function distinct(sorted: Float32Array): { values: number[]; counts: number[]; total: number } {
  const values: number[] = []
  const counts: number[] = []
  let total = 0
  for (const value of sorted) {
    if (Number.isNaN(value)) break
    total += 1
    if (value === values.at(-1)) counts[counts.length - 1]! += 1
    else counts[values.push(value) - 1] = 1
  }
  return { values, counts, total }
}

/** A float32 t with values[i] ≤ t < values[i + 1]. */
function middle(values: readonly number[], i: number): number {
  const low = values[i]!
  const high = values[i + 1]!
  const mean = Math.fround((low + high) / 2)
  return mean < high ? mean : low
}

function firstAtLeast(thresholds: Float32Array, value: number): number {
  let low = 0
  let high = thresholds.length
  while (low < high) {
    const at = (low + high) >>> 1
    if (thresholds[at]! < value) low = at + 1
    else high = at
  }
  return low
}
