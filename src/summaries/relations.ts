import { correlationRatio, cramersV, spearman, type WeightedPair } from './associations.ts'
import { correlationOf } from './moments.ts'
import type { DatasetSummary } from './schema.ts'
import { MAX_ROW_HASHES, type SummaryState } from './state.ts'

/** How each two columns of numbers go together: along a line, and in rank. */
export function correlationsOf({
  pairs = [],
  smallestRows = [],
  sampledColumns = [],
}: SummaryState): DatasetSummary['correlations'] {
  return pairs.map((pair) => {
    const { x, y, count } = pair
    const [atX, atY] = [sampledColumns.indexOf(x), sampledColumns.indexOf(y)]
    const isKnown = atX >= 0 && atY >= 0
    const sampled = smallestRows.flatMap(([, weight, values = []]): WeightedPair[] => {
      const [left, right] = [values[atX] ?? null, values[atY] ?? null]
      return left === null || right === null ? [] : [{ x: left, y: right, weight }]
    })
    const exact = isKnown && smallestRows.length < MAX_ROW_HASHES
    return {
      x,
      y,
      pearson: correlationOf(pair),
      spearman: isKnown ? spearman(sampled) : null,
      spearmanExact: exact,
      rows: count,
    }
  })
}

/** How columns of few values go together with each other and with numbers; what is null says nothing and is left out. */
export function associationsOf({
  contingencies = [],
  grouped = [],
}: SummaryState): DatasetSummary['associations'] {
  const categories = contingencies.flatMap((table) => {
    const value = cramersV(table)
    const rows = table.cells.reduce((sum, [, , count]) => sum + count, 0)
    return value === null ? [] : [{ x: table.x, y: table.y, measure: 'cramersV' as const, value, rows }]
  })
  const numbers = grouped.flatMap((each) => {
    const value = correlationRatio(each)
    const rows = each.groups.reduce((sum, [, { count }]) => sum + count, 0)
    const names = { x: each.category, y: each.number }
    return value === null ? [] : [{ ...names, measure: 'correlationRatio' as const, value, rows }]
  })
  return [...categories, ...numbers]
}
