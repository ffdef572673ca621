import { ChartFrame } from './ChartFrame.tsx'
import { valueAxis } from './scale.ts'

export interface DotRow {
  name: string
  /** Under the name: the rule, the rows behind it. */
  detail?: string
  value: number
  lower?: number | undefined
  upper?: number | undefined
  colour: string
  /** Where this row would have to be to the right of. */
  threshold?: number | undefined
}

interface DotPlotProps {
  label: string
  rows: DotRow[]
  format: (value: number) => string
  /** A vertical line all rows are read against, with its name. */
  reference?: { value: number; name: string }
  quiet?: boolean
}

const rowPx = 34

/** One row a number: a dot, its interval as a line, the figures written out at the right. */
export function IntervalDotPlot({ label, rows, format, reference, quiet = false }: DotPlotProps) {
  const written = (row: DotRow) =>
    row.lower === undefined || row.upper === undefined
      ? format(row.value)
      : `${format(row.value)} [${format(row.lower)}, ${format(row.upper)}]`
  return (
    <ChartFrame
      label={label}
      quiet={quiet}
      data={{
        columns: ['Name', 'Value', 'Lower', 'Upper'],
        rows: () =>
          rows.map((row) => [
            row.name,
            format(row.value),
            row.lower === undefined ? '–' : format(row.lower),
            row.upper === undefined ? '–' : format(row.upper),
          ]),
      }}
    >
      {(width) => {
        const narrow = width < 520
        const left = narrow ? 92 : 156
        const right = width - (narrow ? 8 : 168)
        const height = rows.length * rowPx + 24
        const values = rows.flatMap((row) => [
          row.value,
          row.lower ?? row.value,
          row.upper ?? row.value,
          row.threshold ?? row.value,
        ])
        const x = valueAxis(reference ? [...values, reference.value] : values, left, right, {
          count: narrow ? 3 : 5,
        })
        return (
          <svg width={width} height={height} role="img" aria-label={label}>
            {x.ticks.map((tick) => (
              <g key={tick.value} aria-hidden>
                <line x1={tick.px} x2={tick.px} y1={4} y2={height - 18} stroke="var(--line)" />
                <text x={tick.px} y={height - 4} textAnchor="middle">
                  {format(tick.value)}
                </text>
              </g>
            ))}
            {reference && (
              <line
                x1={x.at(reference.value)}
                x2={x.at(reference.value)}
                y1={2}
                y2={height - 18}
                stroke="var(--ink-3)"
                strokeWidth={1.5}
              >
                <title>{reference.name}</title>
              </line>
            )}
            {rows.map((row, index) => {
              const y = index * rowPx + rowPx / 2
              return (
                <g key={row.name}>
                  <text
                    x={0}
                    y={y + (row.detail ? -1 : 4)}
                    style={{ fill: 'var(--ink)', fontSize: 12, fontWeight: 500 }}
                  >
                    {row.name}
                  </text>
                  {row.detail && (
                    <text x={0} y={y + 12}>
                      {row.detail}
                    </text>
                  )}
                  {row.threshold !== undefined && (
                    <line
                      x1={x.at(row.threshold)}
                      x2={x.at(row.threshold)}
                      y1={y - 9}
                      y2={y + 9}
                      stroke="var(--ink-2)"
                      strokeWidth={1.5}
                      strokeDasharray="3 2"
                    />
                  )}
                  {row.lower !== undefined && row.upper !== undefined && (
                    <line
                      x1={x.at(row.lower)}
                      x2={x.at(row.upper)}
                      y1={y}
                      y2={y}
                      stroke={row.colour}
                      strokeWidth={3}
                      strokeLinecap="round"
                      opacity={0.45}
                    />
                  )}
                  <circle
                    cx={x.at(row.value)}
                    cy={y}
                    r={4.5}
                    fill={row.colour}
                    stroke="var(--paper)"
                    strokeWidth={1.5}
                  />
                  {narrow ? (
                    <text x={right} y={y - 7} textAnchor="end">
                      {written(row)}
                    </text>
                  ) : (
                    <text x={width} y={y + 4} textAnchor="end" style={{ fill: 'var(--ink-2)', fontSize: 12 }}>
                      {written(row)}
                    </text>
                  )}
                </g>
              )
            })}
          </svg>
        )
      }}
    </ChartFrame>
  )
}
