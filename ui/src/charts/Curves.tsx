import 'uplot/dist/uPlot.min.css'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { decimal } from '../format.ts'
import { resolveColour } from '../palette.ts'
import { useTheme } from '../theme.ts'
import { ChartFrame } from './ChartFrame.tsx'
import styles from './Curves.module.css'
import { smooth } from './smoothing.ts'

export interface Curve {
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
  height?: number
}

/** Long series on a canvas: the smoothed line over its raw one, cursors in step across panels, drag to zoom. */
export function Curves({ label, curves, weight, xName, height = 168 }: CurvesProps) {
  const last = curves.map((curve) => curve.ys.at(-1)).filter((value) => value !== undefined)
  return (
    <ChartFrame
      label={label}
      reading={last.length === 1 && last[0] !== undefined ? decimal(last[0], 4) : undefined}
      data={{
        columns: [xName, ...(curves.length > 1 ? ['Run'] : []), label],
        rows: () =>
          curves.flatMap((curve) =>
            curve.xs.map((x, index) => [
              decimal(x),
              ...(curves.length > 1 ? [curve.name] : []),
              decimal(curve.ys[index] ?? NaN, 5),
            ]),
          ),
      }}
    >
      {(width) => <Plot label={label} curves={curves} weight={weight} width={width} height={height} />}
    </ChartFrame>
  )
}

function Plot({
  label,
  curves,
  weight,
  width,
  height,
}: {
  label: string
  curves: Curve[]
  weight: number
  width: number
  height: number
}) {
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
        scales: { x: { time: false } },
        axes: [
          { ...axis, size: 24 },
          { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => decimal(tick)) },
        ],
        series: [{}, ...series],
      },
      joined(curves, weight),
      element,
    )
    return () => plot.destroy()
  }, [curves, weight, width, height, theme])
  return <div ref={place} className={styles['plot']} role="img" aria-label={label} />
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
