import { share } from '../format.ts'
import type { LinePoint, LineSeries } from './line-points.ts'
import type { Scale } from './scale.ts'

/** Room for a strip under the picture. */
export const stripPx = 30

/** A line with its points, as far as they don't run together. */
export function LineOf({ of, path, x, y }: { of: LineSeries; path: string; x: Scale; y: Scale }) {
  return (
    <g>
      <path d={path} fill="none" stroke={of.colour} strokeWidth={1.75} strokeLinejoin="round" />
      {of.points.length <= 70 &&
        of.points.map((point) => (
          <circle
            key={point.atMs}
            cx={x(point.atMs)}
            cy={y(point.value)}
            r={point.outside ? 4 : 2}
            fill={point.outside ? 'var(--paper)' : of.colour}
            stroke={point.outside ? 'var(--bad)' : 'none'}
            strokeWidth={2}
          />
        ))}
    </g>
  )
}

interface Near {
  series: LineSeries
  point: LinePoint | undefined
}

/** Where the pointer is, on each line. */
export function Pointed({ near, x, y, bottom }: { near: Near[]; x: Scale; y: Scale; bottom: number }) {
  return near.map(
    ({ series, point }) =>
      point && (
        <g key={series.name} pointerEvents="none">
          <line
            x1={x(point.atMs)}
            x2={x(point.atMs)}
            y1={6}
            y2={bottom}
            stroke="var(--ink-3)"
            opacity={0.5}
          />
          <circle
            cx={x(point.atMs)}
            cy={y(point.value)}
            r={4}
            fill={series.colour}
            stroke="var(--paper)"
            strokeWidth={1.5}
          />
        </g>
      ),
  )
}

interface ReadingProps {
  near: Near[]
  format: (value: number) => string
  timeFormat: (ms: number) => string
  shareName?: string | undefined
}

/** The points that the pointer reads. */
export function Reading({ near, format, timeFormat, shareName }: ReadingProps) {
  return near.map(({ series, point }) =>
    point ? (
      <span key={series.name} style={{ marginLeft: 12 }}>
        {near.length > 1 && <b style={{ color: series.colour, fontWeight: 500 }}>{series.name} </b>}
        {timeFormat(point.atMs)} {format(point.value)}
        {point.lower !== undefined &&
          point.upper !== undefined &&
          ` [${format(point.lower)}, ${format(point.upper)}]`}
        {point.n !== undefined && ` n ${point.n.toLocaleString('en-GB')}`}
        {point.share !== undefined && ` ${shareName} ${share(point.share)}`}
      </span>
    ) : null,
  )
}

/** How complete each point is: a bar for each, full height when all is known. */
export function ShareStrip(props: {
  name: string
  points: LinePoint[]
  x: Scale
  top: number
  left: number
}) {
  const height = stripPx - 12
  const gap =
    props.points.length < 2
      ? 12
      : Math.abs(props.x(props.points[1]?.atMs ?? 0) - props.x(props.points[0]?.atMs ?? 0))
  const width = Math.max(2, Math.min(14, gap * 0.6))
  return (
    <g>
      <text x={props.left - 12} y={props.top + height} textAnchor="end">
        {props.name}
      </text>
      {props.points.map((point) => (
        <rect
          key={point.atMs}
          x={props.x(point.atMs) - width / 2}
          y={props.top + height * (1 - (point.share ?? 0))}
          width={width}
          height={height * (point.share ?? 0)}
          fill="var(--ink-3)"
          opacity={0.45}
        />
      ))}
    </g>
  )
}

export function BandName(props: { name: string; points: LinePoint[]; x: Scale; y: Scale }) {
  const first = props.points.find((point) => point.upper !== undefined)
  if (first?.upper === undefined) return null
  return (
    <text x={props.x(first.atMs) + 4} y={props.y(first.upper) - 4}>
      {props.name}
    </text>
  )
}

/** A name at the end of each line instead of a legend, pushed apart so that none covers another. */
export function EndLabels(props: { series: LineSeries[]; x: number; y: Scale; top: number; bottom: number }) {
  const labels = props.series
    .map((one) => ({ one, px: props.y(one.points.at(-1)?.value ?? 0) }))
    .sort((a, b) => a.px - b.px)
  const tops: number[] = []
  for (const { px } of labels) tops.push(Math.max(px, (tops.at(-1) ?? props.top - 12) + 13))
  for (let index = tops.length - 1; index >= 0; index--) {
    tops[index] = Math.min(tops[index] ?? 0, (tops[index + 1] ?? props.bottom + 13) - 13)
  }
  return (
    <g aria-hidden>
      {labels.map(({ one }, index) => {
        return (
          <text
            key={one.name}
            x={props.x}
            y={(tops[index] ?? 0) + 4}
            style={{ fill: one.colour, fontWeight: 500 }}
          >
            {one.name}
          </text>
        )
      })}
    </g>
  )
}
