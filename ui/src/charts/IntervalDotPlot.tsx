import { ChartFrame } from './ChartFrame.tsx'
import { type Scale, valueAxis } from './scale.ts'

export interface DotRow {
  name: string
  /** Under the name: what it is compared with, the rows behind it. */
  detail?: string
  value: number
  lower?: number | undefined
  upper?: number | undefined
  colour: string
  /** A limit of this row alone, drawn dashed. */
  threshold?: number | undefined
}

interface DotPlotProps {
  label: string
  rows: DotRow[]
  format: (value: number) => string
  /** Each row has its own unit: they share the zero in the middle, not the scale, and these words stand for the axis. */
  sides?: { left: string; right: string }
  quiet?: boolean
}

const rowPx = 34
const axisPx = 20

/** One row a number: a dot, its interval as a line, the figures written out at the right. */
export function IntervalDotPlot({ label, rows, format, sides, quiet = false }: DotPlotProps) {
  return (
    <ChartFrame
      label={label}
      quiet={quiet}
      data={{
        columns: ['Name', 'Value', 'Lower', 'Upper', 'Limit'],
        rows: () =>
          rows.map((row) => [
            row.name,
            ...[row.value, row.lower, row.upper, row.threshold].map((one) =>
              one === undefined ? '–' : format(one),
            ),
          ]),
      }}
    >
      {(width) => {
        const narrow = width < 520
        const left = narrow ? 100 : 172
        const right = width - (narrow ? 12 : 176)
        const rowHeight = narrow ? rowPx + 12 : rowPx
        const height = rows.length * rowHeight + axisPx
        const bottom = height - axisPx
        const shared = valueAxis(rows.flatMap(extent), left, right, { count: narrow ? 3 : 5 })
        const middle = (left + right) / 2
        return (
          <svg width={width} height={height} role="img" aria-label={label}>
            {sides === undefined ? (
              shared.ticks.map((tick) => (
                <g key={tick.value} aria-hidden>
                  <line x1={tick.px} x2={tick.px} y1={4} y2={bottom} stroke="var(--line)" />
                  <text x={tick.px} y={height - 4} textAnchor="middle">
                    {format(tick.value)}
                  </text>
                </g>
              ))
            ) : (
              <g aria-hidden>
                <line x1={middle} x2={middle} y1={2} y2={bottom} stroke="var(--ink-3)" strokeWidth={1.5} />
                <text x={middle} y={height - 4} textAnchor="middle">
                  0
                </text>
                <text x={middle - 16} y={height - 4} textAnchor="end">
                  ← {sides.left}
                </text>
                <text x={middle + 16} y={height - 4}>
                  {sides.right} →
                </text>
              </g>
            )}
            {rows.map((row, index) => (
              <Row
                key={row.name}
                row={row}
                y={index * rowHeight + rowPx / 2}
                x={sides === undefined ? shared.at : centred(row, middle, (right - left) / 2)}
                written={written(row, format)}
                width={width}
                narrow={narrow}
              />
            ))}
          </svg>
        )
      }}
    </ChartFrame>
  )
}

interface RowProps {
  row: DotRow
  y: number
  x: Scale
  written: string
  width: number
  narrow: boolean
}

function Row({ row, y, x, written, width, narrow }: RowProps) {
  return (
    <g>
      <text
        x={0}
        y={y + (row.detail === undefined ? 4 : -1)}
        style={{ fill: 'var(--ink)', fontSize: 12, fontWeight: 500 }}
      >
        {row.name}
      </text>
      {row.detail !== undefined && (
        <text x={0} y={y + 12}>
          {row.detail}
        </text>
      )}
      {row.threshold !== undefined && (
        <line
          x1={x(row.threshold)}
          x2={x(row.threshold)}
          y1={y - 9}
          y2={y + 9}
          stroke="var(--ink-2)"
          strokeWidth={1.5}
          strokeDasharray="3 2"
        />
      )}
      {row.lower !== undefined && row.upper !== undefined && (
        <line
          x1={x(row.lower)}
          x2={x(row.upper)}
          y1={y}
          y2={y}
          stroke={row.colour}
          strokeWidth={3}
          strokeLinecap="round"
          opacity={0.45}
        />
      )}
      <circle cx={x(row.value)} cy={y} r={4.5} fill={row.colour} stroke="var(--paper)" strokeWidth={1.5} />
      <text
        x={narrow ? 0 : width}
        y={narrow ? y + 25 : y + 4}
        textAnchor={narrow ? 'start' : 'end'}
        style={{ fill: 'var(--ink-2)', fontSize: narrow ? 11 : 12 }}
      >
        {written}
      </text>
    </g>
  )
}

function extent(row: DotRow): number[] {
  return [row.value, row.lower ?? row.value, row.upper ?? row.value, row.threshold ?? row.value]
}

/** Zero in the middle, the row's own largest number near the edge. */
function centred(row: DotRow, middle: number, half: number): Scale {
  const most = Math.max(...extent(row).map(Math.abs), 1e-12) * 1.15
  return (value) => middle + (value / most) * half
}

function written(row: DotRow, format: (value: number) => string): string {
  return row.lower === undefined || row.upper === undefined
    ? format(row.value)
    : `${format(row.value)} [${format(row.lower)}, ${format(row.upper)}]`
}
