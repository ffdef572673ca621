import { sum } from '../kernel/sum.ts'
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
 * - `mean`: the sum of a per-row loss and the rows of each block; `root_mean` is the root of that mean.
 * - `macro_auc`: the unweighted mean over classes of the AUC of one class against the rest (Provost and Domingos 2000).
 * - `macro_f1`: the unweighted mean over classes of F1; `hits`, `predicted` and `actual` count rows at `[block·classes + class]`.
 */
export type BlockStatistics =
  | AucStatistics
  | { kind: 'mean' | 'root_mean'; sums: number[]; rows: number[] }
  | { kind: 'macro_auc'; classes: AucStatistics[] }
  | { kind: 'macro_f1'; classes: number; hits: number[]; predicted: number[]; actual: number[] }

interface AucStatistics {
  kind: 'auc'
  positives: number[]
  negatives: number[]
  wins: number[]
}

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
): AucStatistics {
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
export function meanBlocks(
  losses: ArrayLike<number>,
  block: ArrayLike<number>,
  kind: 'mean' | 'root_mean' = 'mean',
): BlockStatistics {
  const members = rowsOfBlocks(block)
  return {
    kind,
    sums: members.map((rows) => rows.reduce((sum, row) => sum + losses[row]!, 0)),
    rows: members.map((rows) => rows.length),
  }
}

/** Statistics of macro F1 by block: of each row the class that is predicted and the class that it has, from 0 on. */
export function f1Blocks(
  predicted: ArrayLike<number>,
  actual: ArrayLike<number>,
  { classes, block }: { classes: number; block: ArrayLike<number> },
): BlockStatistics {
  const blocks = rowsOfBlocks(block).length
  const none = (): number[] => Array.from({ length: blocks * classes }, () => 0)
  const counts = { hits: none(), predicted: none(), actual: none() }
  for (let row = 0; row < predicted.length; row++) {
    const at = block[row]! * classes
    counts.predicted[at + predicted[row]!]!++
    counts.actual[at + actual[row]!]!++
    if (predicted[row] === actual[row]) counts.hits[at + actual[row]!]!++
  }
  return { kind: 'macro_f1', classes, ...counts }
}

/** Blocks for data without days: `blocks` stretches of equal length, in row order. Assumes stretches are independent. */
export function stretches(rows: number, blocks = 20): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, i) => Math.floor((i * blocks) / rows))
}

/** The metric when block i counts `weights[i]` times; without weights, on all rows. NaN when a class is absent. */
export function metricOfBlocks(statistics: BlockStatistics, weights?: ArrayLike<number>): number {
  if (statistics.kind === 'macro_auc') {
    const each = statistics.classes
      .map((one) => metricOfBlocks(one, weights))
      .filter((auc) => !Number.isNaN(auc))
    return each.reduce((sum, auc) => sum + auc, 0) / each.length
  }
  if (statistics.kind === 'macro_f1') return macroF1(statistics, weights)
  if (statistics.kind !== 'auc') {
    let [sum, rows] = [0, 0]
    for (let i = 0; i < statistics.sums.length; i++) {
      const weight = weights ? weights[i]! : 1
      sum += weight * statistics.sums[i]!
      rows += weight * statistics.rows[i]!
    }
    return statistics.kind === 'root_mean' ? Math.sqrt(sum / rows) : sum / rows
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

/** Classes that are neither predicted nor there do not count. */
function macroF1(
  { classes, hits, predicted, actual }: Extract<BlockStatistics, { kind: 'macro_f1' }>,
  weights?: ArrayLike<number>,
): number {
  const blocks = hits.length / classes
  let [sum, counted] = [0, 0]
  for (let label = 0; label < classes; label++) {
    let [hit, cases] = [0, 0]
    for (let block = 0; block < blocks; block++) {
      const [weight, at] = [weights ? weights[block]! : 1, block * classes + label]
      hit += weight * hits[at]!
      cases += weight * (predicted[at]! + actual[at]!)
    }
    if (cases === 0) continue
    sum += (2 * hit) / cases
    counted++
  }
  return sum / counted
}

/** How many blocks the statistics are of. */
export function blockCount(statistics: BlockStatistics): number {
  if (statistics.kind === 'macro_f1') return statistics.hits.length / statistics.classes
  if (statistics.kind === 'macro_auc') return statistics.classes[0]!.positives.length
  return (statistics.kind === 'auc' ? statistics.positives : statistics.rows).length
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
  if (statistics.kind === 'macro_auc') return statistics.classes.flatMap(shapeOf)
  if (statistics.kind === 'macro_f1') return [statistics.actual]
  return statistics.kind === 'auc' ? [statistics.positives, statistics.negatives] : [statistics.rows]
}

function rowsOf(statistics: BlockStatistics): number {
  const counts = statistics.kind === 'macro_auc' ? shapeOf(statistics.classes[0]!) : shapeOf(statistics)
  return sum(counts.flat())
}

/** The metric without each block in turn: what a jackknife over blocks is made of. */
export function leaveOneOut(statistics: BlockStatistics): Float64Array {
  return leftOut((weights) => metricOfBlocks(statistics, weights), blockCount(statistics))
}

/**
 * How a metric differs between two models on the same blocks, with the standard error of a jackknife over blocks and the interval of
 * Student's t. Cheaper than `differenceInterval`, and with seven to twenty blocks a little too narrow. Takes what `leaveOneOut` gave.
 */
export function jackknifeDifference(
  a: { estimate: number; left: ArrayLike<number> },
  b: { estimate: number; left: ArrayLike<number> },
  level = 0.95,
): { estimate: number; lower: number; upper: number; standardError: number } {
  const estimate = a.estimate - b.estimate
  const standardError = spreadOf(Float64Array.from(a.left, (value, i) => value - b.left[i]!))
  const half = studentTQuantile(0.5 + level / 2, a.left.length - 1) * standardError
  return { estimate, lower: estimate - half, upper: estimate + half, standardError }
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
  const blocks = blockCount(statistics)
  if (blocks < 2)
    throw new AppError(
      'invalid',
      `An interval over blocks needs at least two blocks; there ${blocks === 1 ? 'is one' : 'are none'}.`,
    )
  const rows = rowsOf(statistics)
  const estimate = metric()
  const standardError = spreadOf(leftOut(metric, blocks))
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

function leftOut(metric: (weights: ArrayLike<number>) => number, blocks: number): Float64Array {
  const weights = new Float64Array(blocks).fill(1)
  return Float64Array.from({ length: blocks }, (_, left) => {
    weights[left] = 0
    const value = metric(weights)
    weights[left] = 1
    return value
  })
}

/** The jackknife's standard error. */
function spreadOf(values: Float64Array): number {
  const blocks = values.length
  const mean = sum(values) / blocks
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
