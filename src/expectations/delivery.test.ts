import { expect, it } from 'vitest'
import { createRandom, randomNormal } from '../statistics/random.ts'
import { rowCount, rowCountChange, sameDistribution } from './definition.ts'
import type { DeliveredColumn } from './delivered.ts'
import { judgeDelivery, type DeliveryContext } from './delivery.ts'

const random = createRandom(7)

/** Cells as a summary has them: greater numbers in greater buckets. */
function numbers(count: number, mean: number): DeliveredColumn {
  const cells = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const cell = String(Math.round(10 * (mean + randomNormal(random))))
    cells.set(cell, (cells.get(cell) ?? 0) + 1)
  }
  return {
    name: 'delay',
    kind: 'number',
    rows: count,
    nulls: 0,
    distinct: cells.size,
    mean: null,
    standardDeviation: null,
    width: 1,
    cells,
  }
}

function categories(counts: Record<string, number>, nulls = 0): DeliveredColumn {
  const cells = new Map(Object.entries(counts))
  const rows = [...cells.values()].reduce((sum, count) => sum + count, nulls)
  return {
    name: 'origin',
    kind: 'category',
    rows,
    nulls,
    distinct: cells.size,
    mean: null,
    standardDeviation: null,
    width: 1,
    cells,
  }
}

function context(before: DeliveredColumn[], now: DeliveredColumn[]): DeliveryContext {
  return {
    columns: [
      { name: 'delay', type: 'DOUBLE' },
      { name: 'origin', type: 'VARCHAR' },
    ],
    arrived: { rows: now[0]?.rows ?? 0, columns: now },
    deliveries: [],
    versionRows: 120,
    previousRows: 100,
    versions: new Map([['previous', { reference: 'flights@4', columns: before }]]),
  }
}

it('compares the version with the one before', () => {
  const results = judgeDelivery(
    [
      rowCount({ max: 1 }),
      rowCount({ max: 120 }, { on: 'version' }),
      rowCountChange({ max: 1.1 }, { on: 'version' }),
    ],
    context([], []),
  )
  expect(results.map(({ key, passed, observed }) => [key, passed, observed])).toEqual([
    ['rowCount:version', true, 120],
    ['rowCountChange:version', false, 1.2],
  ])
  expect(results[1]!.message).toBe('expected row count beside the version before at most 1.1, found 1.2')
})

it('tells a moved distribution from one that only varies, whatever the distance', () => {
  const distances = { psi: 0.1, jensenShannon: 0.15, largestDifference: 0.04, cramersV: 0.1 } as const
  for (const [distance, max] of Object.entries(distances)) {
    const check = sameDistribution('delay', { max, distance: distance as keyof typeof distances })
    const verdict = (mean: number) =>
      judgeDelivery([check], context([numbers(5000, 0)], [numbers(2000, mean)]))[0]!
    expect([distance, verdict(0).passed, verdict(0.5).passed]).toEqual([distance, true, false])
    expect(verdict(0.5).against).toBe('flights@4')
  }
})

it('says of a small sample only what chance does not explain', () => {
  const check = sameDistribution('delay', { max: 0.2 })
  const verdicts = Array.from(
    { length: 40 },
    () => judgeDelivery([check], context([numbers(5000, 0)], [numbers(60, 0)]))[0]!.passed,
  )
  expect(verdicts.filter((passed) => !passed).length).toBeLessThanOrEqual(4)
})

it('counts nulls and categories that the reference does not know', () => {
  const check = sameDistribution('origin', { max: 0.1 })
  const before = [categories({ ATL: 500, LAX: 500 })]
  const observed = (now: DeliveredColumn) => judgeDelivery([check], context(before, [now]))[0]!.observed
  expect(observed(categories({ ATL: 50, LAX: 50 }))).toBe(0)
  expect(observed(categories({ ATL: 40, LAX: 40, BOS: 20 }))).toBeCloseTo(0.2)
  expect(observed(categories({ ATL: 35, LAX: 35 }, 30))).toBeCloseTo(0.3)
})

it('holds while there is nothing to compare with', () => {
  const [result] = judgeDelivery(
    [sameDistribution('delay', { max: 0.1, reference: 'first' })],
    context([], []),
  )
  expect(result).toMatchObject({ passed: true, observed: null })
})
