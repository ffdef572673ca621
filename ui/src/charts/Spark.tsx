import { area, line } from 'd3-shape'
import { valueAxis } from './scale.ts'

/** One tiny picture beside a number; says nothing that the number and the word don't. */
export function Spark({
  values,
  width = 72,
  height = 18,
}: {
  values: number[]
  width?: number
  height?: number
}) {
  if (values.length < 2) return null
  const y = valueAxis(values, height - 2, 2, { count: 2 })
  const x = (index: number) => 1 + (index / (values.length - 1)) * (width - 4)
  const at = (value: number) => y.at(value)
  const lastValue = values.at(-1) ?? 0
  return (
    <svg width={width} height={height} aria-hidden style={{ display: 'block', overflow: 'visible' }}>
      <path
        d={area<number>((_, index) => x(index), height, at)(values) ?? ''}
        fill="var(--accent)"
        opacity={0.1}
      />
      <path
        d={line<number>((_, index) => x(index), at)(values) ?? ''}
        fill="none"
        stroke="var(--accent)"
        strokeWidth={1.25}
      />
      <circle cx={x(values.length - 1)} cy={at(lastValue)} r={1.75} fill="var(--accent)" />
    </svg>
  )
}
