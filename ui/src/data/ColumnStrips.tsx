import type { ColumnSummary, DatasetVersion } from '../answers.ts'
import { HistogramPair } from '../charts/HistogramPair.tsx'
import { compact, count, dateTime, decimal, share } from '../format.ts'
import { Quiet, Table } from '../kit/Table.tsx'

/** One row a column: its shape beside the version before, what is missing, its range. */
export function ColumnStrips({
  version,
  before,
}: {
  version: DatasetVersion
  before: DatasetVersion | undefined
}) {
  const earlier = new Map(before?.summary.columns.map((column) => [column.name, column]))
  return (
    <Table
      label="Columns"
      rows={version.summary.columns}
      rowKey={(column) => column.name}
      columns={[
        { name: 'Column', cell: (column) => <strong>{column.name}</strong> },
        { name: 'Type', cell: (column) => <Quiet>{column.type.toLowerCase()}</Quiet> },
        { name: 'Values', cell: (column) => <Shape column={column} before={earlier.get(column.name)} /> },
        {
          name: 'Missing',
          number: true,
          cell: (column) => (column.nulls === 0 ? <Quiet>none</Quiet> : share(column.nulls / column.rows)),
        },
        {
          name: 'Distinct',
          number: true,
          cell: (column) => `${column.distinctExact ? '' : '≈ '}${count(column.distinct)}`,
        },
        {
          name: 'Mean',
          number: true,
          cell: (column) => (column.mean === null || column.kind !== 'number' ? '' : decimal(column.mean)),
        },
        { name: 'From', number: true, cell: (column) => edge(column, column.min) },
        { name: 'To', number: true, cell: (column) => edge(column, column.max) },
      ]}
    />
  )
}

function edge(column: ColumnSummary, value: number | string | null): string {
  if (value === null) return ''
  if (column.kind === 'timestamp' && typeof value === 'number') return dateTime(value)
  return typeof value === 'number' ? decimal(value) : value
}

function Shape({ column, before }: { column: ColumnSummary; before: ColumnSummary | undefined }) {
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

function shapeOf(column: ColumnSummary): { bins: string[]; now: number[] } {
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
function rebin(column: ColumnSummary, before: ColumnSummary): number[] | undefined {
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
