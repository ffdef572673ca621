import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRandom, randomNormal } from './random.ts'
import {
  auc,
  aucFromTable,
  averagePrecision,
  baseRate,
  calibration,
  logLoss,
  meanSquaredError,
  scoresAtThreshold,
  scoresFromTable,
} from './ranking.ts'

const rows = fc.array(fc.record({ score: fc.integer({ min: 0, max: 9 }), label: fc.constantFrom(0, 1) }), {
  minLength: 2,
})

function slowAuc(scores: readonly number[], labels: readonly number[]): number {
  let [wins, pairs] = [0, 0]
  for (let i = 0; i < scores.length; i++)
    for (let j = 0; j < scores.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue
      pairs++
      wins += scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0
    }
  return wins / pairs
}

test('AUC with ties is the share of pairs in the right order', () => {
  fc.assert(
    fc.property(rows, (sample) => {
      const scores = sample.map((row) => row.score)
      const labels = sample.map((row) => row.label)
      expect(auc(scores, labels)).toBe(slowAuc(scores, labels))
    }),
  )
})

test('a weight of two counts like a row given twice', () => {
  fc.assert(
    fc.property(rows, fc.infiniteStream(fc.integer({ min: 1, max: 3 })), (sample, stream) => {
      fc.pre(new Set(sample.map((row) => row.label)).size === 2)
      const weights = sample.map(() => Number(stream.next().value))
      const repeated = sample.flatMap((row, i) => Array<typeof row>(weights[i]!).fill(row))
      const columns = (of: typeof sample) => [of.map((row) => row.score), of.map((row) => row.label)] as const
      const [scores, labels] = columns(sample)
      const [longScores, longLabels] = columns(repeated)
      expect(auc(scores, labels, weights)).toBeCloseTo(auc(longScores, longLabels), 12)
      expect(meanSquaredError(scores, labels, weights)).toBeCloseTo(
        meanSquaredError(longScores, longLabels),
        10,
      )
      expect(logLoss(scores, labels, { weights })).toBeCloseTo(logLoss(longScores, longLabels), 10)
    }),
  )
})

test('AUC from a table is exact for scores that are the bins, and within its resolution otherwise', () => {
  const random = createRandom(1)
  const labels = Array.from({ length: 5000 }, () => (random.next() < 0.2 ? 1 : 0))
  const scores = labels.map((label) => 1 / (1 + Math.exp(-randomNormal(random) - label)))
  const [positives, negatives] = [new Float64Array(200), new Float64Array(200)]
  scores.forEach((score, i) => (labels[i] ? positives : negatives)[Math.floor(score * 200)]!++)
  const table = aucFromTable(positives, negatives)
  expect(Math.abs(table.auc - auc(scores, labels))).toBeLessThanOrEqual(table.resolution)
  expect(table.resolution).toBeLessThan(0.005)
  const binned = scores.map((score) => Math.floor(score * 200))
  expect(table.auc).toBeCloseTo(auc(binned, labels), 12)
})

test('log loss and Brier score agree with values worked out by hand, and a sure mistake costs a bounded loss', () => {
  expect(logLoss([0.8, 0.4], [1, 0])).toBeCloseTo(-(Math.log(0.8) + Math.log(0.6)) / 2, 12)
  expect(meanSquaredError([0.8, 0.4], [1, 0])).toBeCloseTo((0.04 + 0.16) / 2, 12)
  expect(logLoss([0], [1], { clip: 0.001 })).toBeCloseTo(Math.log(1000), 12)
})

test('precision, recall and F1 are the same from rows and from a table', () => {
  const scores = [0.05, 0.15, 0.25, 0.25, 0.35, 0.45]
  const labels = [0, 1, 0, 1, 1, 0]
  expect(scoresAtThreshold(scores, labels, 0.2)).toEqual({ precision: 0.5, recall: 2 / 3, f1: 4 / 7 })
  expect(scoresFromTable([0, 1, 1, 1, 0], [1, 0, 1, 0, 1], 2)).toEqual({
    precision: 0.5,
    recall: 2 / 3,
    f1: 4 / 7,
  })
  expect(scoresAtThreshold([0.1], [0], 0.5)).toEqual({ precision: 0, recall: 0, f1: 0 })
})

test("average precision agrees with scikit-learn's example", () => {
  expect(averagePrecision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBeCloseTo(5 / 6, 12)
  expect(averagePrecision([0.5, 0.5], [0, 1])).toBe(0.5)
})

test('calibration error is 0 when shares equal scores and the gap when they do not', () => {
  const centres = [0.1, 0.3, 0.5, 0.7, 0.9]
  const positives = [10, 30, 50, 70, 90]
  const negatives = [90, 70, 50, 30, 10]
  expect(calibration(positives, negatives, centres).error).toBeCloseTo(0, 12)
  expect(calibration(negatives, positives, centres).error).toBeCloseTo((0.8 + 0.4 + 0 + 0.4 + 0.8) / 5, 12)
  const { groups } = calibration(positives, negatives, centres, { groups: 2 })
  expect(groups.reduce((sum, group) => sum + group.rows, 0)).toBe(500)
  expect(groups).toHaveLength(2)
  expect(baseRate(positives, negatives)).toBe(0.5)
})
