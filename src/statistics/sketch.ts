import { sum } from '../kernel/sum.ts'
import { AppError } from '../kernel/errors.ts'
import { decodeCounts, encodeCounts } from './sparse-counts.ts'

/**
 * A quantile sketch after DDSketch (Masson, Rim and Lee 2019): counts over buckets whose width grows by a constant factor,
 * so that any quantile within [SMALLEST, LARGEST] is right to 1 % of its value. Buckets are fixed, so sketches add up
 * without error. Unit-free; for milliseconds the range is 1 µs to about three hours.
 */
export type Sketch = { readonly counts: Float64Array }

export const SKETCH_ERROR = 0.01
const SMALLEST = 1e-3
const LARGEST = 1e7
const LOG_GAMMA = Math.log((1 + SKETCH_ERROR) / (1 - SKETCH_ERROR))
const OFFSET = Math.ceil(Math.log(SMALLEST) / LOG_GAMMA) - 1
const BUCKETS = Math.ceil(Math.log(LARGEST) / LOG_GAMMA) - OFFSET + 1
const VERSION = 1

export function emptySketch(): Sketch {
  return { counts: new Float64Array(BUCKETS) }
}

/** Counts a value. Below SMALLEST (zero and negative too) it counts as 0, above LARGEST as LARGEST; NaN is not counted. */
export function addToSketch(sketch: Sketch, value: number): void {
  if (value !== value) return
  sketch.counts[bucketOf(value)]!++
}

function bucketOf(value: number): number {
  if (value < SMALLEST) return 0
  if (value >= LARGEST) return BUCKETS - 1
  return Math.ceil(Math.log(value) / LOG_GAMMA) - OFFSET
}

/** Adds the counts of `other` to `sketch`, in place. */
export function mergeSketch(sketch: Sketch, other: Sketch): void {
  for (let i = 0; i < BUCKETS; i++) sketch.counts[i]! += other.counts[i]!
}

export function sketchRows(sketch: Sketch): number {
  return sum(sketch.counts)
}

/** The value below which a share `p` of the counted values lies. NaN when nothing was counted. */
export function sketchQuantile(sketch: Sketch, p: number): number {
  const rows = sketchRows(sketch)
  if (rows === 0) return Number.NaN
  const rank = Math.min(Math.max(0, p), 1) * (rows - 1)
  let seen = 0
  for (let i = 0; i < BUCKETS; i++) {
    seen += sketch.counts[i]!
    if (seen > rank) return bucketValue(i)
  }
  return LARGEST
}

/** The share of counted values above `limit`, to the nearest bucket: what a latency objective asks. */
export function sketchShareAbove(sketch: Sketch, limit: number): number {
  let above = 0
  for (let i = bucketOf(limit) + 1; i < BUCKETS; i++) above += sketch.counts[i]!
  return above / sketchRows(sketch)
}

/** The point of a bucket that is within 1 % of all of it. */
function bucketValue(bucket: number): number {
  if (bucket === 0) return 0
  if (bucket === BUCKETS - 1) return LARGEST
  return (2 * Math.exp((bucket + OFFSET) * LOG_GAMMA)) / (1 + Math.exp(LOG_GAMMA))
}

export function encodeSketch(sketch: Sketch): Uint8Array {
  return encodeCounts(sketch.counts, Uint8Array.of(VERSION))
}

/** Throws `invalid` for bytes of another version and for damaged ones. */
export function decodeSketch(bytes: Uint8Array): Sketch {
  if (bytes[0] !== VERSION)
    throw new AppError('invalid', `Sketch version ${bytes[0]} is not known; expected ${VERSION}.`)
  return { counts: decodeCounts(bytes, 1, BUCKETS) }
}
