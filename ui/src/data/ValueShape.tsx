import { HistogramPair } from '../charts/HistogramPair.tsx'
import { Quiet } from '../kit/Table.tsx'
import type { ColumnSummary } from './answers.ts'
import { rebin, shapeOf } from './column-shape.ts'

/** How the values of a column are distributed, beside how they were. */
export function ValueShape({ column, before }: { column: ColumnSummary; before: ColumnSummary | undefined }) {
  const { bins, now } = shapeOf(column)
  if (bins.length === 0) return <Quiet>–</Quiet>
  const reference = before && rebin(column, before)
  return (
    <HistogramPair
      label={`Values of ${column.name}`}
      bins={bins}
      now={now}
      height={30}
      {...(reference ? { reference } : {})}
    />
  )
}
