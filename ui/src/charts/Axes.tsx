import type { TimeAxis, ValueAxis } from './scale.ts'

export function TimeTicks({
  axis,
  y,
  left,
  right,
}: {
  axis: TimeAxis
  y: number
  left: number
  right: number
}) {
  return (
    <g aria-hidden>
      <line x1={left} x2={right} y1={y} y2={y} stroke="var(--line-strong)" />
      {axis.ticks.map((tick) => (
        <g key={tick.px}>
          <line x1={tick.px} x2={tick.px} y1={y} y2={y + 4} stroke="var(--line-strong)" />
          <text
            x={tick.px}
            y={y + 16}
            textAnchor={tick.px > right - 20 ? 'end' : tick.px < left + 20 ? 'start' : 'middle'}
          >
            {tick.text}
          </text>
        </g>
      ))}
    </g>
  )
}

interface ValueTicksProps {
  axis: ValueAxis
  left: number
  right: number
  format: (value: number) => string
}

export function ValueTicks({ axis, left, right, format }: ValueTicksProps) {
  return (
    <g aria-hidden>
      {axis.ticks.map((tick) => (
        <g key={tick.value}>
          <line x1={left} x2={right} y1={tick.px} y2={tick.px} stroke="var(--line)" />
          <text x={left - 8} y={tick.px + 4} textAnchor="end">
            {format(tick.value)}
          </text>
        </g>
      ))}
    </g>
  )
}
