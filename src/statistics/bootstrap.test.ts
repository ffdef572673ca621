import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  aucBlocks,
  differenceInterval,
  meanBlocks,
  metricInterval,
  metricOfBlocks,
  stretches,
} from './bootstrap.ts'
import { createRandom, randomNormal } from './random.ts'
import { auc } from './ranking.ts'

function holdout(days: number, rowsPerDay: number, seed: number, gain = 0) {
  const random = createRandom(seed)
  const rows = days * rowsPerDay
  const block = Uint32Array.from({ length: rows }, (_, i) => Math.floor(i / rowsPerDay))
  const labels = Uint8Array.from({ length: rows }, () => (random.next() < 0.2 ? 1 : 0))
  const champion = Float64Array.from(labels, (label) => randomNormal(random) + 0.5 * label)
  const candidate = champion.map((score, i) => score + 0.2 * randomNormal(random) + gain * labels[i]!)
  return { block, labels, champion, candidate }
}

test('AUC from block statistics is exactly the AUC of the resampled rows', () => {
  const { block, labels, champion } = holdout(4, 50, 1)
  const statistics = aucBlocks(champion, labels, block)
  expect(metricOfBlocks(statistics)).toBeCloseTo(auc(champion, labels), 14)
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }), (weights) => {
      fc.pre(weights.some((weight) => weight > 0))
      const rows = [...block.keys()].flatMap((row) => Array<number>(weights[block[row]!]!).fill(row))
      const expected = auc(
        rows.map((row) => champion[row]!),
        rows.map((row) => labels[row]!),
      )
      expect(metricOfBlocks(statistics, weights)).toBeCloseTo(expected, 12)
    }),
  )
})

test('two models on 14 days of 20,000 rows are compared with an interval above zero', () => {
  const { block, labels, champion, candidate } = holdout(14, 20_000, 2, 0.05)
  const found = differenceInterval(aucBlocks(candidate, labels, block), aucBlocks(champion, labels, block))
  expect(found).toMatchObject({ blocks: 14, rows: 280_000, method: 'bootstrap-days', fewBlocks: false })
  expect(found.estimate).toBeCloseTo(auc(candidate, labels) - auc(champion, labels), 12)
  expect(found.lower).toBeGreaterThan(0)
  expect(found.upper).toBeLessThan(0.03)
})

test('pairing cancels what the days do to both models', () => {
  const random = createRandom(3)
  const block = stretches(14_000, 14)
  const day = Float64Array.from({ length: 14 }, () => randomNormal(random))
  const losses = Float64Array.from(block, (of) => day[of]! + randomNormal(random))
  const better = losses.map((loss) => loss - 0.05 + 0.1 * randomNormal(random))
  const [candidate, champion] = [meanBlocks(better, block), meanBlocks(losses, block)]
  expect(differenceInterval(candidate, champion).upper).toBeLessThan(0)
  expect(metricInterval(champion).upper - metricInterval(champion).lower).toBeGreaterThan(0.5)
})

test.each([3, 5, 7, 10, 14])(
  'with %i days an interval at level .95 covers at least .93 of the time',
  (days) => {
    const random = createRandom(days)
    const runs = 2000
    let covered = 0
    for (let run = 0; run < runs; run++) {
      const rows = Array.from({ length: days }, () => Math.round(14_000 + 3000 * random.next()))
      const champion = { kind: 'mean' as const, rows, sums: rows.map((n) => 0.3 * n) }
      const noise = (n: number): number =>
        0.01 * n * randomNormal(random) + 0.1 * Math.sqrt(n) * randomNormal(random)
      const candidate = { kind: 'mean' as const, rows, sums: rows.map((n) => 0.3 * n + noise(n)) }
      const { lower, upper } = differenceInterval(candidate, champion, { resamples: 500, seed: run })
      if (lower <= 0 && upper >= 0) covered++
    }
    expect(covered / runs).toBeGreaterThanOrEqual(0.93)
  },
)

test('an AUC interval over seven days covers the true difference', () => {
  const runs = 300
  let covered = 0
  for (let run = 0; run < runs; run++) {
    const random = createRandom(1000 + run)
    const block = stretches(2100, 7)
    const effect = Float64Array.from({ length: 7 }, () => 0.3 * randomNormal(random))
    const labels = Uint8Array.from(block, () => (random.next() < 0.3 ? 1 : 0))
    const score = (sign: number) =>
      Float64Array.from(
        labels,
        (label, i) => randomNormal(random) + label * (0.7 + sign * effect[block[i]!]!),
      )
    const interval = differenceInterval(
      aucBlocks(score(1), labels, block),
      aucBlocks(score(-1), labels, block),
      {
        resamples: 500,
      },
    )
    if (interval.lower <= 0 && interval.upper >= 0) covered++
  }
  expect(covered / runs).toBeGreaterThanOrEqual(0.92)
})

test('few blocks are flagged, one block is refused, and other rows cannot be paired', () => {
  const { block, labels, champion, candidate } = holdout(5, 100, 4)
  const statistics = aucBlocks(champion, labels, block)
  expect(metricInterval(statistics)).toMatchObject({ fewBlocks: true, method: 'jackknife-t', blocks: 5 })
  expect(() => metricInterval(aucBlocks(champion, labels, new Uint8Array(500)))).toThrow(
    'at least two blocks',
  )
  const others = labels.map((label) => 1 - label)
  expect(() => differenceInterval(aucBlocks(candidate, others, block), statistics)).toThrow(
    'cannot be paired',
  )
})

test('the same seed gives the same interval', () => {
  const { block, labels, champion } = holdout(8, 100, 5)
  const statistics = aucBlocks(champion, labels, block)
  expect(metricInterval(statistics, { seed: 7 })).toEqual(metricInterval(statistics, { seed: 7 }))
})
