import type { DeliveredColumn } from '../expectations/expectations.ts'
import { presentSummary } from './summary-buckets.ts'
import type { SummaryState } from './summary.ts'

/** The columns of a summary as checks compare them. */
export function deliveredColumns(state: SummaryState): DeliveredColumn[] {
  const { columns } = presentSummary(state)
  return state.columns.map(({ name, rows, nulls, buckets, top }, index) => {
    const { kind, distinct } = columns[index]!
    const cells = kind === 'category' ? new Map(top) : new Map(Object.entries(buckets))
    return { name, kind, rows, nulls, distinct, cells }
  })
}
