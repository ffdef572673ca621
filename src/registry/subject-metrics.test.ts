import { expect, it } from 'vitest'
import { metricOfBlocks } from '../statistics/bootstrap.ts'
import { auc, logLoss } from '../statistics/ranking.ts'
import { compare, measure, measureClasses } from './subject-metrics.ts'

const CLASSES = 3
const ROWS = 600
const labels = Float64Array.from({ length: ROWS }, (_, row) => (row * 7 + (row >> 4)) % CLASSES)
const block = Uint32Array.from({ length: ROWS }, (_, row) => Math.floor(row / 60))

/** Probabilities that lean to the label as far as `skill` says, the same on every call. */
function probabilities(skill: number): Float64Array {
  const scores = new Float64Array(ROWS * CLASSES)
  for (let row = 0; row < ROWS; row++) {
    const raw = Array.from(
      { length: CLASSES },
      (_, label) => 1 + ((row * 31 + label * 17) % 11) / 10 + (label === labels[row] ? skill : 0),
    )
    const sum = raw.reduce((a, b) => a + b, 0)
    for (const [label, value] of raw.entries()) scores[row * CLASSES + label] = value / sum
  }
  return scores
}

it('measures several classes: the numbers are those of their definitions', () => {
  const scores = probabilities(0.6)
  const { metrics } = measureClasses({ scores, labels, block, classes: CLASSES })
  const column = (label: number) => Float64Array.from(labels, (_, row) => scores[row * CLASSES + label]!)
  const predicted = Array.from(labels, (_, row) => {
    const own = [0, 1, 2].map((label) => scores[row * CLASSES + label]!)
    return own.indexOf(Math.max(...own))
  })
  const aucs = [0, 1, 2].map((label) =>
    auc(
      column(label),
      labels.map((actual) => (actual === label ? 1 : 0)),
    ),
  )
  const f1s = [0, 1, 2].map((label) => {
    const hits = predicted.filter((one, row) => one === label && labels[row] === label).length
    const cases =
      predicted.filter((one) => one === label).length + labels.filter((one) => one === label).length
    return (2 * hits) / cases
  })
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length
  expect(metrics['macro_auc']!.estimate).toBeCloseTo(mean(aucs), 12)
  expect(metrics['macro_f1']!.estimate).toBeCloseTo(mean(f1s), 12)
  expect(metrics['accuracy']!.estimate).toBeCloseTo(
    mean(predicted.map((one, row) => (one === labels[row] ? 1 : 0))),
    12,
  )
  const own = Float64Array.from(labels, (label, row) => scores[row * CLASSES + label]!)
  expect(metrics['log_loss']!.estimate).toBeCloseTo(logLoss(own, new Float64Array(ROWS).fill(1)), 12)
  for (const { estimate, lower, upper } of Object.values(metrics)) {
    expect(lower).toBeLessThan(estimate)
    expect(upper).toBeGreaterThan(estimate)
  }
})

it('refuses scores of classes that are no probabilities of one whole, and lets rounded ones gain nothing', () => {
  const measured = (scores: Float64Array) => measureClasses({ scores, labels, block, classes: CLASSES })
  const even = new Float64Array(ROWS * CLASSES).fill(1 / CLASSES)
  const rounded = even.map((score) => score + 0.003)
  expect(measured(rounded).metrics['log_loss']!.estimate).toBeCloseTo(Math.log(CLASSES), 12)
  for (const wrong of [even.map(() => 1), even.map((_, i) => [2, -1, 0][i % 3]!), even.map(() => NaN)])
    expect(() => measured(wrong)).toThrow('they must be probabilities of the 3 classes that sum to 1')
})

it('finds the better of two classifiers better by every metric, as a gain', () => {
  const of = (skill: number) =>
    measureClasses({ scores: probabilities(skill), labels, block, classes: CLASSES })
  const gains = compare(of(0.9).blocks, of(0.2).blocks, 'champion')
  expect(gains.map(({ metric }) => metric)).toEqual(
    ['log_loss', 'accuracy', 'macro_f1', 'macro_auc'].sort(byDirection),
  )
  for (const { gain, lower } of gains) {
    expect(gain).toBeGreaterThan(0)
    expect(lower).toBeGreaterThan(0)
  }
})

function byDirection(a: string, b: string): number {
  const order = ['auc', 'log_loss', 'brier', 'accuracy', 'mae', 'mse', 'rmse', 'macro_f1', 'macro_auc']
  return order.indexOf(a) - order.indexOf(b)
}

it('the root of the mean of squares is one on any choice of blocks', () => {
  const values = Float64Array.from({ length: ROWS }, (_, row) => (row % 13) / 3)
  const { metrics, blocks } = measure('regression', { scores: values, labels, block })
  expect(metrics['rmse']!.estimate).toBeCloseTo(Math.sqrt(metrics['mse']!.estimate), 12)
  const weights = Float64Array.from({ length: 10 }, (_, at) => at % 3)
  expect(metricOfBlocks(blocks['rmse']!, weights)).toBeCloseTo(
    Math.sqrt(metricOfBlocks(blocks['mse']!, weights)),
    12,
  )
})

it('accuracy of a binary task is the share on the right side of one half', () => {
  const binary = labels.map((label) => (label > 0 ? 1 : 0))
  const scores = Float64Array.from(labels, (_, row) => (row % 10) / 10)
  const right = binary.filter((label, row) => (scores[row]! >= 0.5 ? 1 : 0) === label).length
  expect(measure('binary', { scores, labels: binary, block }).metrics['accuracy']!.estimate).toBeCloseTo(
    right / ROWS,
    12,
  )
})
