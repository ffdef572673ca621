import type { DeliveredColumn } from '../expectations/expectations.ts'
import { presentSummary } from './buckets.ts'
import type { SummaryState } from './state.ts'

const MOST_CELLS = 96
const MOST_CATEGORIES = 50
const OTHERS = '(others)'

/** The columns of a summary as checks compare them. */
export function deliveredColumns(state: SummaryState): DeliveredColumn[] {
  const { columns } = presentSummary(state)
  return state.columns.map(({ name, rows, nulls, buckets, top }, index) => {
    const { kind, distinct, mean, standardDeviation } = columns[index]!
    const cells = kind === 'category' ? new Map(top) : new Map(Object.entries(buckets))
    return { name, kind, rows, nulls, distinct, mean, standardDeviation, width: 1, cells }
  })
}

/** Columns in few cells, so that many deliveries can be remembered: the cells of times are left out. */
export function briefColumns(columns: readonly DeliveredColumn[]): DeliveredColumn[] {
  return columns.map((column) => {
    if (column.kind === 'number') return coarser(column)
    if (column.kind !== 'category') return { ...column, cells: new Map() }
    const most = [...column.cells].sort(([, a], [, b]) => b - a).slice(0, MOST_CATEGORIES)
    const others = column.rows - column.nulls - most.reduce((sum, [, count]) => sum + count, 0)
    return { ...column, cells: new Map(others > 0 ? [...most, [OTHERS, others]] : most) }
  })
}

function coarser(column: DeliveredColumn): DeliveredColumn {
  if (column.cells.size <= MOST_CELLS) return column
  const cells = new Map<string, number>()
  for (const [cell, count] of column.cells) {
    const wide = String(Math.floor(Number(cell) / 2))
    cells.set(wide, (cells.get(wide) ?? 0) + count)
  }
  return coarser({ ...column, cells, width: column.width * 2 })
}
