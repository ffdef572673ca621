import 'uplot/dist/uPlot.min.css'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { clockOf, dayOf, decimal, exact, written } from '../format.ts'
import { resolveColour } from '../palette.ts'
import { useTheme } from '../theme.ts'
import { ChartFrame } from './ChartFrame.tsx'
import styles from './Curves.module.css'
import { smooth } from './smoothing.ts'

/** 1, 2, 5, 10 and so on: between two steps there is none. */
const wholeSteps = Array.from({ length: 16 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
).flat()

interface Curve {
  name: string
  colour: string
  xs: number[]
  ys: number[]
  /** Tells apart two runs that happen to have the same colour. */
  dash?: number[]
}

interface CurvesProps {
  label: string
  curves: Curve[]
  weight: number
  xName: string
  /** The horizontal axis has seconds since the epoch. */
  time?: boolean
  /** The horizontal axis has whole numbers alone. */
  steps?: boolean
  logX?: boolean
  logY?: boolean
  height?: number
}

/** Long series on a canvas: the smoothed line over its raw one, cursors in step across panels, drag to zoom. */
export function Curves(props: CurvesProps) {
  const { label, curves, xName, time = false } = props
  const last = curves.map((curve) => curve.ys.at(-1)).filter((value) => value !== undefined)
  return (
    <ChartFrame
      label={label}
      reading={last.length === 1 ? written(last[0]) : undefined}
      data={{
        columns: [xName, ...(curves.length > 1 ? ['Run'] : []), label],
        rows: () =>
          curves.flatMap((curve) =>
            curve.xs.map((x, index) => [
              time ? exact(x * 1000) : decimal(x),
              ...(curves.length > 1 ? [curve.name] : []),
              String(curve.ys[index] ?? ''),
            ]),
          ),
      }}
    >
      {(width) => <Plot {...props} width={width} />}
    </ChartFrame>
  )
}

function Plot(props: CurvesProps & { width: number }) {
  const { label, curves, weight, width, time = false, steps = false } = props
  const { logX = false, logY = false, height = 168 } = props
  const place = useRef<HTMLDivElement>(null)
  const theme = useTheme()
  useEffect(() => {
    const element = place.current
    if (element === null) return
    const colour = (name: string) => resolveColour(name, element)
    const axis: uPlot.Axis = {
      stroke: colour('var(--ink-3)'),
      grid: { stroke: colour('var(--line)'), width: 1 },
      ticks: { show: false },
      font: `11px ${getComputedStyle(element).fontFamily}`,
      gap: 4,
    }
    const series = curves.flatMap((curve): uPlot.Series[] => [
      { stroke: faint(colour(curve.colour)), width: 1, points: { show: curve.xs.length < 3 } },
      {
        stroke: colour(curve.colour),
        width: 1.75,
        points: { show: curve.xs.length < 3 },
        ...(curve.dash && { dash: curve.dash }),
      },
    ])
    const plot = new uPlot(
      {
        width,
        height,
        legend: { show: false },
        padding: [8, 8, 0, 0],
        cursor: { sync: { key: 'curves' }, points: { size: 6 } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        scales: { x: { time, distr: distribution(logX) }, y: { distr: distribution(logY) } },
        axes: [
          {
            ...axis,
            size: 24,
            values: (_, ticks) => (time ? clockTexts(ticks) : tickTexts(ticks)),
            ...(steps && { incrs: wholeSteps }),
          },
          { ...axis, size: 48, values: (_, ticks) => tickTexts(ticks) },
        ],
        series: [{}, ...series],
      },
      joined(curves, weight),
      element,
    )
    return () => plot.destroy()
  }, [curves, weight, width, height, theme, time, steps, logX, logY])
  return <div ref={place} className={styles['plot']} role="img" aria-label={label} />
}

/** uPlot's numbers for its kinds of scale; their enum exists for the compiler only. */
function distribution(log: boolean): uPlot.Scale.Distr {
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment
  return log ? 3 : 1
}

/** Seconds of the clock as days, minutes or seconds, whatever tells them apart. */
function clockTexts(ticks: readonly number[]): string[] {
  const apart = (ticks[1] ?? 0) - (ticks[0] ?? 0)
  return ticks.map((tick) => {
    const at = exact(tick * 1000)
    return apart >= 86_400 ? dayOf(tick * 1000) : apart >= 60 ? clockOf(tick * 1000) : at.slice(-12, -4)
  })
}

/** What is nothing beside the other ticks is zero, also where adding up has left a trace of it. */
function tickTexts(ticks: readonly (number | null)[]): string[] {
  const most = Math.max(...ticks.map((tick) => Math.abs(tick ?? 0)))
  return ticks.map((tick) => tickText(tick !== null && Math.abs(tick) < most * 1e-9 ? 0 : tick))
}

/** A log axis leaves most of its ticks without a text. */
function tickText(tick: number | null): string {
  if (tick === null) return ''
  const size = Math.abs(tick)
  return size !== 0 && (size < 0.001 || size >= 1e6)
    ? tick.toExponential(0).replace('-', '\u2212')
    : decimal(tick)
}

function faint(colour: string): string {
  return colour.replace('rgb(', 'rgba(').replace(')', ', 0.28)')
}

/** uPlot wants one x for all series: undefined where a series has no point, which it spans. */
function joined(curves: Curve[], weight: number): uPlot.AlignedData {
  const tables = curves.map((curve): uPlot.AlignedData => [
    curve.xs,
    curve.ys,
    smooth(curve.xs, curve.ys, weight),
  ])
  return tables.length === 0 ? [[]] : uPlot.join(tables)
}
