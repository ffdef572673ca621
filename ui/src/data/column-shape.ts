import { compact, dateTime } from '../format.ts'
import type { ColumnSummary } from './answers.ts'

/** The bars of a column: its histogram, or its commonest values. */
export function shapeOf(column: ColumnSummary): { bins: string[]; now: number[] } {
  if (column.histogram.length > 0) {
    const name = column.kind === 'timestamp' ? dateTime : compact
    return {
      bins: column.histogram.map((bin) => `${name(bin.from)} – ${name(bin.to)}`),
      now: column.histogram.map((bin) => bin.count),
    }
  }
  return { bins: column.top.map((one) => one.value), now: column.top.map((one) => one.count) }
}

/** The version before on this version's bins; only where its bins are the same or finer and fall inside. */
export function rebin(column: ColumnSummary, before: ColumnSummary): number[] | undefined {
  if (column.histogram.length === 0) {
    const counts = new Map(before.top.map((one) => [one.value, one.count]))
    return column.top.map((one) => counts.get(one.value) ?? 0)
  }
  if (before.histogram.length === 0 || column.kind === 'timestamp') return undefined
  return column.histogram.map((bin) =>
    before.histogram.reduce((sum, one) => {
      const overlap = Math.min(bin.to, one.to) - Math.max(bin.from, one.from)
      const width = one.to - one.from
      return overlap > 0 && width > 0 ? sum + one.count * (overlap / width) : sum
    }, 0),
  )
}
