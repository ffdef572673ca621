import { sum } from '../kernel/sum.ts'
import { freezeCategoryBins } from '../statistics/bins.ts'
import { chiSquare, expectedPsi, jensenShannon, largestDifference, psi } from '../statistics/divergence.ts'
import type { Expectation } from './definition.ts'
import type { DeliveredColumn } from './delivered.ts'

export type Distance = NonNullable<Extract<Expectation, { check: 'sameDistribution' }>['distance']>

const BINS = 20
const CATEGORIES = 50

/** How far a column is from a reference, over bins that the reference alone decides. */
export function distanceFrom(
  reference: DeliveredColumn,
  current: DeliveredColumn,
  distance: Distance = reference.kind === 'number' ? 'psi' : 'largestDifference',
): number {
  const count = reference.kind === 'number' ? numberCounts(reference) : categoryCounts(reference)
  const [p, q] = [count(reference), count(current)]
  switch (distance) {
    case 'psi':
      return Math.max(0, psi(p, q) - expectedPsi(p, q))
    case 'jensenShannon':
      return jensenShannon(p, q)
    case 'largestDifference':
      return largestDifference(p, q)
    case 'cramersV':
      return chiSquare(p, q).cramersV
  }
}

/** Nulls, then bins that hold about equal shares of the reference; the outermost have no end. */
function numberCounts({ cells }: DeliveredColumn): (column: DeliveredColumn) => number[] {
  const ordered = [...cells].sort(([a], [b]) => Number(a) - Number(b))
  const total = ordered.reduce((sum, [, count]) => sum + count, 0)
  const lastOfBin: number[] = []
  let passed = 0
  for (const [cell, count] of ordered) {
    passed += count
    if (passed >= ((lastOfBin.length + 1) * total) / BINS && lastOfBin.length < BINS - 1)
      lastOfBin.push(Number(cell))
  }
  return (column) => {
    const counts = Array.from({ length: lastOfBin.length + 2 }, () => 0)
    counts[0] = column.nulls
    for (const [cell, count] of column.cells) {
      const bin = lastOfBin.findIndex((last) => Number(cell) <= last)
      counts[bin < 0 ? counts.length - 1 : bin + 1]! += count
    }
    return counts
  }
}

/** Nulls, all others, then the most common categories of the reference. */
function categoryCounts({ cells }: DeliveredColumn): (column: DeliveredColumn) => number[] {
  const bins = freezeCategoryBins(cells, { max: CATEGORIES })
  const categories = bins.kind === 'category' ? bins.categories : []
  return (column) => {
    const known = categories.map((category) => column.cells.get(category) ?? 0)
    const others = column.rows - column.nulls - sum(known)
    return [column.nulls, Math.max(0, others), ...known]
  }
}
