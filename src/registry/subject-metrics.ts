import { AppError } from '../kernel/errors.ts'
import {
  aucBlocks,
  differenceInterval,
  f1Blocks,
  meanBlocks,
  metricInterval,
} from '../statistics/bootstrap.ts'
import { calibration, rowLogLoss } from '../statistics/ranking.ts'
import type { MetricName, Task } from './definition.ts'
import type { BlockStatistics, Difference, Estimate } from './schema.ts'
import type { z } from 'zod'

type Blocks = z.infer<typeof BlockStatistics>

/** +1 where more is better, −1 where less is. */
export const DIRECTION = {
  auc: 1,
  log_loss: -1,
  brier: -1,
  accuracy: 1,
  mae: -1,
  mse: -1,
  rmse: -1,
  macro_f1: 1,
  macro_auc: 1,
} as const satisfies Record<MetricName, 1 | -1>

const CALIBRATION_BINS = 1000

/**
 * Metrics of scores on a labelled table, with intervals from a bootstrap over blocks, and the sums by block from which they and any
 * difference can be computed again. Binary: log_loss (clipped, in nats), auc, brier, accuracy (at 0.5), base_rate, bias (mean score − mean
 * label), ece. Regression: mae, mse, rmse, bias.
 */
export function measure(
  task: Task,
  { scores, labels, block }: { scores: Float64Array; labels: Float64Array; block: Uint32Array },
): { metrics: Record<string, Estimate>; blocks: Record<string, Blocks> } {
  const mean = (of: (score: number, label: number) => number): Blocks =>
    meanBlocks(
      scores.map((score, row) => of(score, labels[row]!)),
      block,
    )
  const squared = mean((score, label) => (score - label) ** 2)
  const bias = mean((score, label) => score - label)
  const blocks: Record<string, Blocks> =
    task === 'regression'
      ? {
          mse: squared,
          rmse: meanBlocks(
            scores.map((score, row) => (score - labels[row]!) ** 2),
            block,
            'root_mean',
          ),
          mae: mean((score, label) => Math.abs(score - label)),
          bias,
        }
      : {
          log_loss: mean((score, label) => rowLogLoss(score, label)),
          ...(hasBothClasses(labels) && { auc: aucBlocks(scores, labels, block) }),
          brier: squared,
          accuracy: mean((score, label) => (score >= 0.5 === label > 0.5 ? 1 : 0)),
          base_rate: mean((_, label) => label),
          bias,
        }
  const metrics = estimatesOf(blocks)
  if (task === 'binary') metrics['ece'] = { estimate: calibrationError(scores, labels) }
  return { metrics, blocks }
}

function estimatesOf(blocks: Readonly<Record<string, Blocks>>): Record<string, Estimate> {
  const entries = Object.entries(blocks).map(([name, statistics]) => {
    const { estimate, lower, upper } = metricInterval(statistics)
    return [name, { estimate, lower, upper }] as const
  })
  return Object.fromEntries(entries)
}

/**
 * The same for a task of several classes: `scores[row·classes + class]` are probabilities, `labels` places of classes. log_loss (clipped, of
 * the probability of the class that came), accuracy, macro_f1 (of the most probable class), macro_auc (each class against the rest).
 * Throws `invalid` for a row whose scores are no probabilities that sum to one.
 */
export function measureClasses({
  scores: given,
  labels,
  block,
  classes,
}: {
  scores: Float64Array
  labels: Float64Array
  block: Uint32Array
  classes: number
}): { metrics: Record<string, Estimate>; blocks: Record<string, Blocks> } {
  const scores = distributions(given, classes)
  const predicted = Uint32Array.from(labels, (_, row) => {
    let best = 0
    for (let label = 1; label < classes; label++)
      if (scores[row * classes + label]! > scores[row * classes + best]!) best = label
    return best
  })
  const aucOf = (label: number) =>
    aucBlocks(
      labels.map((_, row) => scores[row * classes + label]!),
      labels.map((actual) => (actual === label ? 1 : 0)),
      block,
    )
  const blocks: Record<string, Blocks> = {
    log_loss: meanBlocks(
      labels.map((label, row) => rowLogLoss(scores[row * classes + label]!, 1)),
      block,
    ),
    accuracy: meanBlocks(
      labels.map((label, row) => (predicted[row] === label ? 1 : 0)),
      block,
    ),
    macro_f1: f1Blocks(predicted, labels, { classes, block }),
    macro_auc: { kind: 'macro_auc', classes: Array.from({ length: classes }, (_, label) => aucOf(label)) },
  }
  return { metrics: estimatesOf(blocks), blocks }
}

/** How far from one the probabilities of a row may sum: files round them. */
const ROUNDING = 0.01

/** Every row divided by its sum. A model that called each class certain would otherwise have the best log loss of all. */
function distributions(scores: Float64Array, classes: number): Float64Array {
  const result = new Float64Array(scores.length)
  for (let from = 0; from < scores.length; from += classes) {
    const row = scores.subarray(from, from + classes)
    const sum = row.reduce((total, score) => total + score, 0)
    if (!(Math.abs(sum - 1) <= ROUNDING) || row.some((score) => score < 0))
      throw new AppError(
        'invalid',
        `The scores of row ${from / classes} are ${row.join(', ')}: they must be probabilities of the ${classes} classes that sum to 1`,
      )
    for (const [place, score] of row.entries()) result[from + place] = score / sum
  }
  return result
}

function hasBothClasses(labels: Float64Array): boolean {
  return labels.some((label) => label > 0.5) && labels.some((label) => label <= 0.5)
}

function calibrationError(scores: Float64Array, labels: Float64Array): number {
  const positives = new Float64Array(CALIBRATION_BINS)
  const negatives = new Float64Array(CALIBRATION_BINS)
  for (let row = 0; row < scores.length; row++) {
    const place = Math.min(CALIBRATION_BINS - 1, Math.max(0, Math.floor(scores[row]! * CALIBRATION_BINS)))
    if (labels[row]! > 0.5) positives[place]!++
    else negatives[place]!++
  }
  const centres = Float64Array.from({ length: CALIBRATION_BINS }, (_, i) => (i + 0.5) / CALIBRATION_BINS)
  return calibration(positives, negatives, centres).error
}

/** How much better the candidate is than another on the same rows, by every metric that has a direction. */
export function compare(
  candidate: Record<string, Blocks>,
  other: Record<string, Blocks>,
  against: Difference['against'],
): Difference[] {
  return Object.entries(DIRECTION).flatMap(([metric, direction]) => {
    const [own, its] = [candidate[metric], other[metric]]
    if (!own || !its) return []
    const { estimate, lower, upper, blocks } =
      direction === 1 ? differenceInterval(own, its) : differenceInterval(its, own)
    return [{ metric, against, gain: estimate, lower, upper, days: blocks }]
  })
}
