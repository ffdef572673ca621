import { area, curveStepAfter, line } from 'd3-shape'
import { share } from '../format.ts'
import type { DataTable } from './ChartFrame.tsx'
import type { Scale } from './scale.ts'

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
export interface LineSeries {
  name: string
  colour: string
  points: LinePoint[]
}

/** The outlines of points between two axes; `stepped` for what holds until the next point. */
export function pathsOf(x: Scale, y: Scale, stepped: boolean) {
  const drawLine = line<LinePoint>()
    .x((point) => x(point.atMs))
    .y((point) => y(point.value))
  const drawLimit = line<LinePoint>()
    .defined((point) => point.limit !== undefined)
    .x((point) => x(point.atMs))
    .y((point) => y(point.limit ?? point.value))
  const drawBand = area<LinePoint>()
    .defined((point) => point.lower !== undefined && point.upper !== undefined)
    .x((point) => x(point.atMs))
    .y0((point) => y(point.lower ?? point.value))
    .y1((point) => y(point.upper ?? point.value))
  if (stepped) {
    drawLine.curve(curveStepAfter)
    drawBand.curve(curveStepAfter)
  }
  return {
    line: (points: LinePoint[]) => drawLine(points) ?? '',
    limit: (points: LinePoint[]) => drawLimit(points) ?? '',
    band: (points: LinePoint[]) => drawBand(points) ?? '',
  }
}

/** What an axis must reach; bands of points with fewer observations don't stretch it. */
export function reachOf(points: LinePoint[], minimumN = 0): number[] {
  return points.flatMap(({ value, lower = value, upper = value, limit = value, n = Infinity }) =>
    n < minimumN ? [value, limit] : [value, lower, upper, limit],
  )
}

interface Words {
  series: LineSeries[]
  format: (value: number) => string
  timeFormat: (ms: number) => string
  shareName?: string | undefined
}

/** The points as rows, with the columns that any of them fills. */
export function tableOf({ series, format, timeFormat, shareName }: Words): DataTable {
  const several = series.length > 1
  const limited = series.some(({ points }) => points.some(({ limit }) => limit !== undefined))
  const shown = (value: number | undefined) => (value === undefined ? '–' : format(value))
  return {
    columns: [
      'When',
      ...(several ? ['Series'] : []),
      'Value',
      'Lower',
      'Upper',
      'n',
      ...(limited ? ['Limit'] : []),
      ...(shareName === undefined ? [] : [shareName]),
    ],
    rows: () =>
      series.flatMap(({ name, points }) =>
        points.map((point) => [
          timeFormat(point.atMs),
          ...(several ? [name] : []),
          format(point.value),
          shown(point.lower),
          shown(point.upper),
          point.n?.toLocaleString('en-GB') ?? '–',
          ...(limited ? [shown(point.limit)] : []),
          ...(shareName === undefined ? [] : [point.share === undefined ? '–' : share(point.share)]),
        ]),
      ),
  }
}

export function nearest(points: LinePoint[], atMs: number): LinePoint | undefined {
  let best: LinePoint | undefined
  for (const point of points) {
    if (best === undefined || Math.abs(point.atMs - atMs) < Math.abs(best.atMs - atMs)) best = point
  }
  return best
}
