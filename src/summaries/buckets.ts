import { kindOf } from '../sources/schema.ts'
import type { ColumnSummary, DatasetSummary } from './schema.ts'
import { associationsOf, correlationsOf } from './relations.ts'
import { dateFacts, duplicatesOf, lengthFacts, numberFacts } from './facts.ts'
import type { ColumnState, SummaryState } from './state.ts'

export const BUCKET_RATIO = 1.02
/** Numbers nearer to zero than this count as zero. */
export const SMALLEST = 1e-30
/** Makes the bucket numbers of all numbers above `SMALLEST` positive, so that the sign can carry the sign. */
export const ZERO_OFFSET = 4_000

const QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
const BINS = 40
const SHOWN_TOP = 20

/** A state as people read it. */
export function presentSummary(state: SummaryState): DatasetSummary {
  return {
    rows: state.rows,
    columns: state.columns.map(presentColumn),
    duplicates: duplicatesOf(state),
    correlations: correlationsOf(state),
    associations: associationsOf(state),
  }
}

function presentColumn(state: ColumnState): ColumnSummary {
  const points = bucketPoints(state)
  const { moments } = state
  return {
    name: state.name,
    type: state.type,
    kind: kindOf(state.type),
    rows: state.rows,
    nulls: state.nulls,
    ...estimateDistinct(state.smallestHashes, state.rows - state.nulls),
    min: state.min,
    max: state.max,
    mean: moments?.mean ?? null,
    standardDeviation: moments ? Math.sqrt(moments.m2 / moments.count) : null,
    quantiles:
      points.length === 0
        ? null
        : Object.fromEntries(
            QUANTILES.map((q) => [`p${String(Math.round(q * 100)).padStart(2, '0')}`, quantile(points, q)]),
          ),
    histogram: histogram(state, points),
    top: state.top.slice(0, SHOWN_TOP).map(([value, count]) => ({ value, count })),
    numbers: numberFacts(state),
    lengths: lengthFacts(state),
    dates: dateFacts(state),
  }
}

/** Wasserstein distance ∫|F−G|dx of two columns of numbers, in their unit: each bucket counts as if all of it lay in its middle. */
export function wassersteinOf(a: ColumnState, b: ColumnState): number | null {
  const sides = [bucketPoints(a), bucketPoints(b)]
  const totals = sides.map((points) => points.reduce((sum, { count }) => sum + count, 0))
  if (totals.some((total) => total === 0)) return null
  const steps = sides
    .flatMap((points, index) =>
      points.map(({ value, count }) => ({ value, share: (index === 0 ? count : -count) / totals[index]! })),
    )
    .sort((left, right) => left.value - right.value)
  let difference = 0
  let sum = 0
  for (const [index, { value, share }] of steps.entries()) {
    difference += share
    sum += Math.abs(difference) * ((steps[index + 1]?.value ?? value) - value)
  }
  return sum
}

interface Point {
  value: number
  count: number
}

/** Each bucket as its middle, in order, never outside of what was seen. */
function bucketPoints(state: ColumnState): Point[] {
  const { min, max, bucketMs } = state
  if (typeof min !== 'number' || typeof max !== 'number') return []
  return Object.entries(state.buckets)
    .map(([key, count]) => {
      const bucket = Number(key)
      const middle = bucketMs === null ? numberOfBucket(bucket) : (bucket + 0.5) * bucketMs
      return { value: Math.min(max, Math.max(min, middle)), count }
    })
    .sort((a, b) => a.value - b.value)
}

function numberOfBucket(bucket: number): number {
  if (bucket === 0) return 0
  const size = (2 * BUCKET_RATIO ** (Math.abs(bucket) - ZERO_OFFSET)) / (1 + BUCKET_RATIO)
  return bucket < 0 ? -size : size
}

function quantile(points: readonly Point[], share: number): number {
  const total = points.reduce((sum, { count }) => sum + count, 0)
  let passed = 0
  for (const { value, count } of points) {
    passed += count
    if (passed >= share * total) return value
  }
  return points.at(-1)!.value
}

/** Equal bins over the middle 99 %; the outermost bins reach to the extremes. */
function histogram(
  { min, max }: ColumnState,
  points: readonly Point[],
): { from: number; to: number; count: number }[] {
  if (points.length === 0 || typeof min !== 'number' || typeof max !== 'number') return []
  const low = quantile(points, 0.005)
  const high = quantile(points, 0.995)
  const size = points.reduce((sum, { count }) => sum + count, 0)
  if (high <= low) return [{ from: min, to: max, count: size }]
  const width = (high - low) / BINS
  const bins = Array.from({ length: BINS }, (_, bin) => ({
    from: bin === 0 ? min : low + bin * width,
    to: bin === BINS - 1 ? max : low + (bin + 1) * width,
    count: 0,
  }))
  for (const { value, count } of points) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor((value - low) / width)))
    bins[bin]!.count += count
  }
  return bins
}

/** K minimum values (Bar-Yossef et al. 2002): the k-th smallest of n uniform hashes lies near k / n; there are never more values than rows. */
function estimateDistinct(
  hashes: readonly number[],
  known: number,
): { distinct: number; distinctExact: boolean } {
  if (hashes.length < 256) return { distinct: hashes.length, distinctExact: true }
  const kth = (hashes.at(-1)! + 1) / 2 ** 52
  return { distinct: Math.min(known, Math.round((hashes.length - 1) / kth)), distinctExact: false }
}
