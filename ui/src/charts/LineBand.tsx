import { area, curveStepAfter, line } from 'd3-shape'
import { type PointerEvent, useId, useState } from 'react'
import { share } from '../format.ts'
import { TimeTicks, ValueTicks } from './Axes.tsx'
import { ChartFrame } from './ChartFrame.tsx'
import { timeAxis, valueAxis } from './scale.ts'

export interface LinePoint {
  atMs: number
  value: number
  lower?: number | undefined
  upper?: number | undefined
  /** How many observations stand behind the value. */
  n?: number | undefined
  outside?: boolean | undefined
  /** Below or above this it would be too much: a dashed line. */
  limit?: number | undefined
  /** 0 to 1: drawn as a bar in a strip under the picture. */
  share?: number | undefined
}
interface LineSeries {
  name: string
  colour: string
  points: LinePoint[]
}

const stripPx = 30

interface LineBandProps {
  label: string
  series: LineSeries[]
  format: (value: number) => string
  timeFormat: (ms: number) => string
  /** `limits`: the band is where values are expected. `interval`: the band is the uncertainty of the value. */
  band: 'limits' | 'interval'
  bandName?: string
  height?: number
  fromMs?: number
  toMs?: number
  marks?: { atMs: number; colour: string }[]
  /** Draws the band and line as steps; right for limits that hold for a bucket. */
  stepped?: boolean
  /** Keeps room for names at the right also for a single series, so that stacked pictures share their axis. */
  endLabels?: boolean
  left?: number
  /** What the bars under the picture are the share of. */
  shareName?: string
  /** Bands of points with fewer observations don't stretch the axis. */
  minimumN?: number
  /** Values are milliseconds from 0 on: ticks at round minutes and hours. */
  duration?: boolean
}

export function LineBand(props: LineBandProps) {
  const { label, series, format, timeFormat, height = 180, stepped = false } = props
  const [hover, setHover] = useState<number | undefined>()
  const clip = useId()
  const all = series.flatMap((one) => one.points)
  const limited = all.some((point) => point.limit !== undefined)
  const fromMs = props.fromMs ?? Math.min(...all.map((point) => point.atMs))
  const toMs = props.toMs ?? Math.max(...all.map((point) => point.atMs))
  const near =
    hover === undefined ? [] : series.map((one) => ({ series: one, point: nearest(one.points, hover) }))
  const reading = near.map(({ series: one, point }) =>
    point ? (
      <span key={one.name} style={{ marginLeft: 12 }}>
        {series.length > 1 && <b style={{ color: one.colour, fontWeight: 500 }}>{one.name} </b>}
        {timeFormat(point.atMs)} {format(point.value)}
        {point.lower !== undefined &&
          point.upper !== undefined &&
          ` [${format(point.lower)}, ${format(point.upper)}]`}
        {point.n !== undefined && ` n ${point.n.toLocaleString('en-GB')}`}
        {point.share !== undefined && ` ${props.shareName} ${share(point.share)}`}
      </span>
    ) : null,
  )
  return (
    <ChartFrame
      label={label}
      reading={reading}
      data={{
        columns: [
          'When',
          ...(series.length > 1 ? ['Series'] : []),
          'Value',
          'Lower',
          'Upper',
          'n',
          ...(limited ? ['Limit'] : []),
          ...(props.shareName === undefined ? [] : [props.shareName]),
        ],
        rows: () =>
          series.flatMap((one) =>
            one.points.map((point) => [
              timeFormat(point.atMs),
              ...(series.length > 1 ? [one.name] : []),
              format(point.value),
              point.lower === undefined ? '–' : format(point.lower),
              point.upper === undefined ? '–' : format(point.upper),
              point.n?.toLocaleString('en-GB') ?? '–',
              ...(limited ? [point.limit === undefined ? '–' : format(point.limit)] : []),
              ...(props.shareName === undefined
                ? []
                : [point.share === undefined ? '–' : share(point.share)]),
            ]),
          ),
      }}
    >
      {(width) => {
        const left = props.left ?? 44
        const right = width - (series.length > 1 || props.endLabels ? 64 : 12)
        const bottom = height - 22 - (props.shareName === undefined ? 0 : stripPx)
        const x = timeAxis(fromMs, toMs, left, right)
        const y = valueAxis(
          all.flatMap((point) =>
            (point.n ?? Infinity) < (props.minimumN ?? 0)
              ? [point.value, point.limit ?? point.value]
              : [
                  point.value,
                  point.lower ?? point.value,
                  point.upper ?? point.value,
                  point.limit ?? point.value,
                ],
          ),
          bottom,
          10,
          props.duration ? { duration: true, zero: true } : {},
        )
        const curve = stepped ? curveStepAfter : undefined
        const drawLine = line<LinePoint>()
          .x((point) => x.at(point.atMs))
          .y((point) => y.at(point.value))
        const drawLimit = line<LinePoint>()
          .defined((point) => point.limit !== undefined)
          .x((point) => x.at(point.atMs))
          .y((point) => y.at(point.limit ?? point.value))
        const drawBand = area<LinePoint>()
          .defined((point) => point.lower !== undefined && point.upper !== undefined)
          .x((point) => x.at(point.atMs))
          .y0((point) => y.at(point.lower ?? point.value))
          .y1((point) => y.at(point.upper ?? point.value))
        if (curve) {
          drawLine.curve(curve)
          drawBand.curve(curve)
        }
        const onMove = (event: PointerEvent<SVGSVGElement>) =>
          setHover(x.invert(event.clientX - event.currentTarget.getBoundingClientRect().left))
        return (
          <svg
            width={width}
            height={height}
            role="img"
            aria-label={label}
            onPointerMove={onMove}
            onPointerLeave={() => setHover(undefined)}
          >
            <clipPath id={clip}>
              <rect x={left} y={4} width={Math.max(0, right - left)} height={bottom - 4} />
            </clipPath>
            <ValueTicks axis={y} left={left} right={right} format={format} />
            {series.map((one) => (
              <path
                key={one.name}
                d={drawBand(one.points) ?? ''}
                clipPath={`url(#${clip})`}
                fill={props.band === 'limits' ? 'var(--ink-3)' : one.colour}
                opacity={props.band === 'limits' ? 0.13 : 0.16}
              />
            ))}
            {series.map((one) => (
              <path
                key={one.name}
                d={drawLimit(one.points) ?? ''}
                fill="none"
                stroke="var(--ink-3)"
                strokeDasharray="4 3"
              />
            ))}
            {props.bandName !== undefined && series[0] && (
              <BandName name={props.bandName} points={series[0].points} x={x.at} y={y.at} />
            )}
            {(props.marks ?? []).map((mark) => (
              <line
                key={mark.atMs}
                x1={x.at(mark.atMs)}
                x2={x.at(mark.atMs)}
                y1={4}
                y2={bottom}
                stroke={mark.colour}
                strokeDasharray="2 3"
              />
            ))}
            {series.map((one) => (
              <g key={one.name}>
                <path
                  d={drawLine(one.points) ?? ''}
                  fill="none"
                  stroke={one.colour}
                  strokeWidth={1.75}
                  strokeLinejoin="round"
                />
                {one.points.length <= 70 &&
                  one.points.map((point) => (
                    <circle
                      key={point.atMs}
                      cx={x.at(point.atMs)}
                      cy={y.at(point.value)}
                      r={point.outside ? 4 : 2}
                      fill={point.outside ? 'var(--paper)' : one.colour}
                      stroke={point.outside ? 'var(--bad)' : 'none'}
                      strokeWidth={2}
                    />
                  ))}
              </g>
            ))}
            {(series.length > 1 || props.endLabels) && (
              <EndLabels series={series} x={right + 6} y={y.at} top={10} bottom={bottom} />
            )}
            {near.map(
              ({ series: one, point }) =>
                point && (
                  <g key={one.name} pointerEvents="none">
                    <line
                      x1={x.at(point.atMs)}
                      x2={x.at(point.atMs)}
                      y1={6}
                      y2={bottom}
                      stroke="var(--ink-3)"
                      opacity={0.5}
                    />
                    <circle
                      cx={x.at(point.atMs)}
                      cy={y.at(point.value)}
                      r={4}
                      fill={one.colour}
                      stroke="var(--paper)"
                      strokeWidth={1.5}
                    />
                  </g>
                ),
            )}
            {props.shareName !== undefined && series[0] && (
              <ShareStrip
                name={props.shareName}
                points={series[0].points}
                x={x.at}
                top={bottom + 6}
                left={left}
              />
            )}
            <TimeTicks axis={x} y={height - 22} left={left} right={right} />
          </svg>
        )
      }}
    </ChartFrame>
  )
}

/** How complete each point is: a bar for each, full height when all is known. */
function ShareStrip(props: {
  name: string
  points: LinePoint[]
  x: (ms: number) => number
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

function BandName(props: {
  name: string
  points: LinePoint[]
  x: (ms: number) => number
  y: (value: number) => number
}) {
  const first = props.points.find((point) => point.upper !== undefined)
  if (first?.upper === undefined) return null
  return (
    <text x={props.x(first.atMs) + 4} y={props.y(first.upper) - 4}>
      {props.name}
    </text>
  )
}

/** A name at the end of each line instead of a legend, pushed apart so that none covers another. */
function EndLabels(props: {
  series: LineSeries[]
  x: number
  y: (value: number) => number
  top: number
  bottom: number
}) {
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

function nearest(points: LinePoint[], atMs: number): LinePoint | undefined {
  let best: LinePoint | undefined
  for (const point of points) {
    if (best === undefined || Math.abs(point.atMs - atMs) < Math.abs(best.atMs - atMs)) best = point
  }
  return best
}
