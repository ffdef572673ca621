import { AppError } from '../kernel/errors.ts'
import { createRandom, randomInteger } from './random.ts'
import { countWins, splitByLabel } from './ranking.ts'
import { normalCdf, studentTQuantile } from './special.ts'

/**
 * What is needed of each block (a day) to compute a metric on any resample of blocks, exactly. JSON as it is: an
 * evaluation stores it, and two versions on the same holdout are compared later without their scores.
 *
 * - `auc`: positives and negatives of each block, and `wins[i·blocks + j]`, the Mann–Whitney count of the positives of
 *   block i against the negatives of block j.
 * - `mean`: the sum of a per-row loss and the rows of each block.
 */
export type BlockStatistics =
  | { kind: 'auc'; positives: number[]; negatives: number[]; wins: number[] }
  | { kind: 'mean'; sums: number[]; rows: number[] }

export type BlockInterval = {
  estimate: number
  lower: number
  upper: number
  level: number
  standardError: number
  blocks: number
  rows: number
  method: 'bootstrap-days' | 'jackknife-t'
  /** Fewer than seven blocks: the interval is honest but wide, and rests on hardly any days. */
  fewBlocks: boolean
}

export type IntervalOptions = { level?: number; resamples?: number; seed?: number }

const ENOUGH_BLOCKS = 7

/** AUC statistics by block. `block[i]` is the block of row i, 0 … blocks−1. Costs blocks × rows comparisons. */
export function aucBlocks(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  block: ArrayLike<number>,
): BlockStatistics {
  const rows = rowsOfBlocks(block)
  const parts = rows.map((members) =>
    splitByLabel(
      Float64Array.from(members, (row) => scores[row]!),
      Uint8Array.from(members, (row) => (labels[row]! > 0.5 ? 1 : 0)),
    ),
  )
  return {
    kind: 'auc',
    positives: parts.map((part) => part.positives.length),
    negatives: parts.map((part) => part.negatives.length),
    wins: parts.flatMap(({ positives }) => parts.map(({ negatives }) => countWins(positives, negatives))),
  }
}

function rowsOfBlocks(block: ArrayLike<number>): Uint32Array[] {
  const sizes: number[] = []
  for (let i = 0; i < block.length; i++) {
    while (sizes.length <= block[i]!) sizes.push(0)
    sizes[block[i]!]!++
  }
  const rows = sizes.map((size) => new Uint32Array(size))
  const at = sizes.map(() => 0)
  for (let i = 0; i < block.length; i++) rows[block[i]!]![at[block[i]!]!++] = i
  return rows
}

/** Statistics of the mean of a per-row loss by block (log loss, squared error, absolute error, a 0/1 error). */
export function meanBlocks(losses: ArrayLike<number>, block: ArrayLike<number>): BlockStatistics {
  const members = rowsOfBlocks(block)
  return {
    kind: 'mean',
    sums: members.map((rows) => rows.reduce((sum, row) => sum + losses[row]!, 0)),
    rows: members.map((rows) => rows.length),
  }
}

/** Blocks for data without days: `blocks` stretches of equal length, in row order. Assumes stretches are independent. */
export function stretches(rows: number, blocks = 20): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, i) => Math.floor((i * blocks) / rows))
}

/** The metric when block i counts `weights[i]` times; without weights, on all rows. NaN when a class is absent. */
export function metricOfBlocks(statistics: BlockStatistics, weights?: ArrayLike<number>): number {
  if (statistics.kind === 'mean') {
    let [sum, rows] = [0, 0]
    for (let i = 0; i < statistics.sums.length; i++) {
      const weight = weights ? weights[i]! : 1
      sum += weight * statistics.sums[i]!
      rows += weight * statistics.rows[i]!
    }
    return sum / rows
  }
  const { positives, negatives, wins } = statistics
  const blocks = positives.length
  let [won, positive, negative] = [0, 0, 0]
  for (let i = 0; i < blocks; i++) {
    const weight = weights ? weights[i]! : 1
    positive += weight * positives[i]!
    negative += weight * negatives[i]!
    if (weight === 0) continue
    for (let j = 0; j < blocks; j++) won += weight * (weights ? weights[j]! : 1) * wins[i * blocks + j]!
  }
  return won / (positive * negative)
}

/** An interval for one model's metric, from a bootstrap over blocks. */
export function metricInterval(statistics: BlockStatistics, options: IntervalOptions = {}): BlockInterval {
  return interval(statistics, (weights) => metricOfBlocks(statistics, weights), options)
}

/**
 * An interval for (candidate − champion) on the same holdout: both are computed on the same resampled days, so what the
 * days do to both cancels. Throws `invalid` when the two do not describe the same blocks.
 */
export function differenceInterval(
  candidate: BlockStatistics,
  champion: BlockStatistics,
  options: IntervalOptions = {},
): BlockInterval {
  if (JSON.stringify(shapeOf(candidate)) !== JSON.stringify(shapeOf(champion)))
    throw new AppError(
      'invalid',
      'The two models were not evaluated on the same rows, so they cannot be paired.',
    )
  return interval(
    candidate,
    (weights) => metricOfBlocks(candidate, weights) - metricOfBlocks(champion, weights),
    options,
  )
}

function shapeOf(statistics: BlockStatistics): number[][] {
  return statistics.kind === 'mean' ? [statistics.rows] : [statistics.positives, statistics.negatives]
}

/**
 * Two intervals, and of each side the wider one: percentiles of a bootstrap over blocks, expanded to what Student's t with
 * blocks−1 degrees of freedom would ask (Hesterberg 2015, "What teachers should know about the bootstrap"), and a t interval
 * on the jackknife over blocks. Alone, either falls short of its level with seven days. With fewer than seven blocks only
 * the jackknife is used, since resamples of few blocks cannot reach beyond them.
 */
function interval(
  statistics: BlockStatistics,
  metric: (weights?: ArrayLike<number>) => number,
  { level = 0.95, resamples = 2000, seed = 1 }: IntervalOptions,
): BlockInterval {
  const shape = shapeOf(statistics)
  const blocks = shape[0]!.length
  if (blocks < 2)
    throw new AppError(
      'invalid',
      `An interval over blocks needs at least two blocks; there ${blocks === 1 ? 'is one' : 'are none'}.`,
    )
  const rows = shape.flat().reduce((sum, count) => sum + count, 0)
  const estimate = metric()
  const standardError = jackknifeError(metric, blocks)
  const t = studentTQuantile(0.5 + level / 2, blocks - 1)
  const half = t * standardError
  const fewBlocks = blocks < ENOUGH_BLOCKS
  const found = { estimate, level, standardError, blocks, rows, fewBlocks }
  if (fewBlocks) return { ...found, lower: estimate - half, upper: estimate + half, method: 'jackknife-t' }
  const values = resampleMetric(metric, blocks, resamples, seed)
  const tail = normalCdf(-t * Math.sqrt(blocks / (blocks - 1)))
  return {
    ...found,
    lower: Math.min(estimate - half, quantile(values, tail)),
    upper: Math.max(estimate + half, quantile(values, 1 - tail)),
    method: 'bootstrap-days',
  }
}

function jackknifeError(metric: (weights: ArrayLike<number>) => number, blocks: number): number {
  const weights = new Float64Array(blocks).fill(1)
  const values = Array.from({ length: blocks }, (_, left) => {
    weights[left] = 0
    const value = metric(weights)
    weights[left] = 1
    return value
  })
  const mean = values.reduce((sum, value) => sum + value, 0) / blocks
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return Math.sqrt(((blocks - 1) / blocks) * squares)
}

/** Sorted values of the metric on resamples of the blocks; a resample without one of the classes is left out. */
function resampleMetric(
  metric: (weights: ArrayLike<number>) => number,
  blocks: number,
  resamples: number,
  seed: number,
): Float64Array {
  const random = createRandom(seed)
  const weights = new Float64Array(blocks)
  const values = new Float64Array(resamples)
  for (let i = 0; i < resamples; i++) {
    weights.fill(0)
    for (let draw = 0; draw < blocks; draw++) weights[randomInteger(random, blocks)]!++
    values[i] = metric(weights)
  }
  return values.filter((value) => !Number.isNaN(value)).sort()
}

function quantile(sorted: Float64Array, p: number): number {
  const position = p * (sorted.length - 1)
  const low = Math.floor(position)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted[low]! + (position - low) * (sorted[high]! - sorted[low]!)
}
