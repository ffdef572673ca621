import { memo, useCallback, useState } from 'react'
import { ChartFrame } from './ChartFrame.tsx'

interface HeatProps {
  label: string
  rows: string[]
  columns: string[]
  /** [row][column]; null where nothing was measured. */
  values: (number | null)[][]
  /** From here on a cell is marked, not only coloured. */
  threshold: number
  format: (value: number) => string
}

const rowPx = 24

/** Feature × day. A cell darkens up to the threshold; beyond it the cell changes colour and bears a dot. */
export function HeatStrip({ label, rows, columns, values, threshold, format }: HeatProps) {
  const [over, setOver] = useState<{ row: number; column: number } | undefined>()
  const onOver = useCallback((row: number, column: number) => setOver({ row, column }), [])
  const value = over && values[over.row]?.[over.column]
  return (
    <ChartFrame
      label={label}
      reading={
        over &&
        `${rows[over.row]} · ${columns[over.column]} · ${value === null || value === undefined ? 'not measured' : format(value)}`
      }
      data={{
        columns: ['Feature', ...columns],
        rows: () =>
          rows.map((row, index) => [
            row,
            ...(values[index] ?? []).map((one) => (one === null ? '–' : format(one))),
          ]),
      }}
    >
      {(width) => {
        const left = width < 520 ? 96 : 148
        const cell = Math.min(28, (width - left) / Math.max(1, columns.length))
        const height = rows.length * rowPx + 22
        const every = Math.max(1, Math.ceil(48 / cell))
        return (
          <svg
            width={width}
            height={height}
            role="img"
            aria-label={label}
            onPointerLeave={() => setOver(undefined)}
          >
            {rows.map((row, index) => (
              <g key={row}>
                <text x={0} y={index * rowPx + 16} style={{ fill: 'var(--ink)', fontSize: 12 }}>
                  {row.length > left / 6.4 ? `${row.slice(0, Math.floor(left / 6.4) - 1)}…` : row}
                  <title>{row}</title>
                </text>
                {columns.map((column, at) => (
                  <Cell
                    key={column}
                    row={index}
                    column={at}
                    x={left + at * cell}
                    y={index * rowPx + 1}
                    width={cell - 1}
                    value={values[index]?.[at] ?? null}
                    threshold={threshold}
                    onOver={onOver}
                  />
                ))}
              </g>
            ))}
            {columns.map(
              (column, at) =>
                at % every === 0 &&
                left + at * cell + 36 < width && (
                  <text key={column} x={left + at * cell} y={height - 6} aria-hidden>
                    {column}
                  </text>
                ),
            )}
          </svg>
        )
      }}
    </ChartFrame>
  )
}

interface CellProps {
  row: number
  column: number
  x: number
  y: number
  width: number
  value: number | null
  threshold: number
  onOver: (row: number, column: number) => void
}

const Cell = memo(function Cell({ row, column, x, y, width, value, threshold, onOver }: CellProps) {
  const height = rowPx - 2
  if (value === null) {
    return (
      <line
        x1={x + width / 2 - 2}
        x2={x + width / 2 + 2}
        y1={y + height / 2}
        y2={y + height / 2}
        stroke="var(--line-strong)"
        onPointerEnter={() => onOver(row, column)}
      />
    )
  }
  const beyond = value >= threshold
  const strength = Math.min(1, value / threshold)
  const opacity = beyond ? Math.min(1, 0.55 + 0.25 * (value / threshold - 1)) : 0.06 + 0.42 * strength
  return (
    <g onPointerEnter={() => onOver(row, column)}>
      <rect
        x={x}
        y={y}
        width={Math.max(1, width)}
        height={height}
        rx={2}
        fill={beyond ? 'var(--c1)' : 'var(--c0)'}
        opacity={opacity}
      />
      {beyond && (
        <circle cx={x + width / 2} cy={y + height / 2} r={Math.min(2, width / 3)} fill="var(--paper)" />
      )}
    </g>
  )
})
