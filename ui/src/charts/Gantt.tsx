import { duration } from '../format.ts'
import { ChartFrame } from './ChartFrame.tsx'
import { durationTicks } from './scale.ts'

export interface GanttRow {
  id: string
  name: string
  word: string
  colour: string
  startedMs?: number | undefined
  finishedMs?: number | undefined
  /** Reused: nothing ran, so there is only a mark. */
  hollow: boolean
}

interface GanttProps {
  label: string
  rows: GanttRow[]
  startMs: number
  endMs: number
  chosen?: string | undefined
  onChoose: (id: string) => void
}

const rowPx = 24

export function Gantt({ label, rows, startMs, endMs, chosen, onChoose }: GanttProps) {
  const took = (row: GanttRow) =>
    row.startedMs === undefined ? '' : duration((row.finishedMs ?? endMs) - row.startedMs)
  return (
    <ChartFrame
      label={label}
      data={{
        columns: ['Step', 'State', 'Began after', 'Took'],
        rows: () =>
          rows.map((row) => [
            row.name,
            row.word,
            row.startedMs === undefined ? '–' : duration(row.startedMs - startMs),
            took(row),
          ]),
      }}
    >
      {(width) => {
        const left = width < 520 ? 104 : 168
        const right = width - 64
        const height = rows.length * rowPx + 20
        const whole = Math.max(1, endMs - startMs)
        const x = { at: (ms: number) => left + (ms / whole) * (right - left) }
        const ticks = durationTicks(whole, width < 520 ? 2 : 6)
        return (
          <svg width={width} height={height} role="img" aria-label={label}>
            {ticks.map((tick) => (
              <g key={tick} aria-hidden>
                <line x1={x.at(tick)} x2={x.at(tick)} y1={0} y2={height - 18} stroke="var(--line)" />
                <text x={x.at(tick)} y={height - 4} textAnchor="middle">
                  {tick === 0 ? '0' : duration(tick)}
                </text>
              </g>
            ))}
            {rows.map((row, index) => {
              const y = index * rowPx
              const from = x.at((row.startedMs ?? startMs) - startMs)
              const to = x.at((row.finishedMs ?? endMs) - startMs)
              const fits = left / 6.2
              return (
                <g key={row.id} onClick={() => onChoose(row.id)} style={{ cursor: 'pointer' }}>
                  <rect
                    x={0}
                    y={y}
                    width={width}
                    height={rowPx}
                    fill="var(--accent-wash)"
                    opacity={row.id === chosen ? 1 : 0}
                  />
                  <text x={4} y={y + 16} style={{ fill: 'var(--ink)', fontSize: 12 }}>
                    {row.name.length > fits ? `${row.name.slice(0, fits - 1)}…` : row.name}
                  </text>
                  {row.startedMs !== undefined && (
                    <rect
                      x={from}
                      y={y + 6}
                      width={Math.max(3, to - from)}
                      height={12}
                      rx={2}
                      fill={row.hollow ? 'none' : row.colour}
                      stroke={row.colour}
                      strokeDasharray={row.hollow ? '2 2' : undefined}
                      opacity={0.75}
                    />
                  )}
                  <text x={Math.max(3, to - from) + from + 6} y={y + 16}>
                    {row.hollow ? 'reused' : took(row)}
                  </text>
                </g>
              )
            })}
          </svg>
        )
      }}
    </ChartFrame>
  )
}
