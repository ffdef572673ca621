import { useId, useState } from 'react'
import { TimeTicks, ValueTicks } from './Axes.tsx'
import { ChartFrame } from './ChartFrame.tsx'
import { type LineSeries, nearest, pathsOf, reachOf, tableOf } from './line-points.ts'
import { BandName, EndLabels, LineOf, Pointed, Reading, ShareStrip, stripPx } from './LineParts.tsx'
import { timeAxis, valueAxis } from './scale.ts'
import { TimePicture } from './TimePicture.tsx'

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

/** Lines over time with the band around each: where values are expected, or how sure they are. */
export function LineBand(props: LineBandProps) {
  const { label, series, format, timeFormat, height = 180, shareName } = props
  const [hover, setHover] = useState<number | undefined>()
  const clip = useId()
  const all = series.flatMap((one) => one.points)
  const fromMs = props.fromMs ?? Math.min(...all.map((point) => point.atMs))
  const toMs = props.toMs ?? Math.max(...all.map((point) => point.atMs))
  const near =
    hover === undefined ? [] : series.map((one) => ({ series: one, point: nearest(one.points, hover) }))
  const words = { format, timeFormat, shareName }
  const named = series.length > 1 || props.endLabels
  return (
    <ChartFrame
      label={label}
      reading={<Reading near={near} {...words} />}
      data={tableOf({ series, ...words })}
    >
      {(width) => {
        const left = props.left ?? 44
        const right = width - (named ? 64 : 12)
        const bottom = height - 22 - (shareName === undefined ? 0 : stripPx)
        const axis = timeAxis(fromMs, toMs, left, right)
        const values = valueAxis(
          reachOf(all, props.minimumN),
          bottom,
          10,
          props.duration ? { duration: true, zero: true } : {},
        )
        const [x, y] = [axis.at, values.at]
        const paths = pathsOf(x, y, props.stepped ?? false)
        const [first] = series
        return (
          <TimePicture label={label} width={width} height={height} axis={axis} onHover={setHover}>
            <clipPath id={clip}>
              <rect x={left} y={4} width={Math.max(0, right - left)} height={bottom - 4} />
            </clipPath>
            <ValueTicks axis={values} left={left} right={right} format={format} />
            {series.map((one) => (
              <path
                key={one.name}
                d={paths.band(one.points)}
                clipPath={`url(#${clip})`}
                fill={props.band === 'limits' ? 'var(--ink-3)' : one.colour}
                opacity={props.band === 'limits' ? 0.13 : 0.16}
              />
            ))}
            {series.map((one) => (
              <path
                key={one.name}
                d={paths.limit(one.points)}
                fill="none"
                stroke="var(--ink-3)"
                strokeDasharray="4 3"
              />
            ))}
            {props.bandName !== undefined && first && (
              <BandName name={props.bandName} points={first.points} x={x} y={y} />
            )}
            {(props.marks ?? []).map((mark) => (
              <line
                key={mark.atMs}
                x1={x(mark.atMs)}
                x2={x(mark.atMs)}
                y1={4}
                y2={bottom}
                stroke={mark.colour}
                strokeDasharray="2 3"
              />
            ))}
            {series.map((one) => (
              <LineOf key={one.name} of={one} path={paths.line(one.points)} x={x} y={y} />
            ))}
            {named && <EndLabels series={series} x={right + 6} y={y} top={10} bottom={bottom} />}
            <Pointed near={near} x={x} y={y} bottom={bottom} />
            {shareName !== undefined && first && (
              <ShareStrip name={shareName} points={first.points} x={x} top={bottom + 6} left={left} />
            )}
            <TimeTicks axis={axis} y={height - 22} left={left} right={right} />
          </TimePicture>
        )
      }}
    </ChartFrame>
  )
}
