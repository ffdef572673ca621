import { toTheSecond } from '../format.ts'
import type { RunComparison } from './answers.ts'

/** A column of the comparison as an axis of a picture: numbers, or texts in their order. */
export interface Dimension {
  id: string
  name: string
  kind: 'metric' | 'param'
  /** One for each run; null where it has none. */
  values: (number | string | null)[]
  numeric: boolean
  lowerIsBetter?: boolean
}

/** What each run is called where runs stand beside each other: those of one name are told apart by when they started, or else by their ids. */
export function labelsOf(runs: readonly { id: string; name: string; startMs: number }[]): string[] {
  const timed = told(
    runs.map(({ name }) => name),
    (index) => `${runs[index]!.name} ${toTheSecond(runs[index]!.startMs)}`,
  )
  return told(timed, (index) => `${runs[index]!.name} ${runs[index]!.id.slice(0, 12)}`)
}

/** The names, and where several are the same what tells them apart. */
function told(names: readonly string[], apart: (index: number) => string): string[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return names.map((name, index) => (counts.get(name) === 1 ? name : apart(index)))
}

/** The runs with the best value, where at least two have one and they differ. */
export function bestOf(values: readonly (number | string | null)[], lowerIsBetter: boolean): Set<number> {
  const numbers = values.filter((value) => typeof value === 'number')
  if (new Set(numbers).size < 2) return new Set()
  const best = numbers.reduce((a, b) => (lowerIsBetter ? Math.min(a, b) : Math.max(a, b)))
  return new Set(values.flatMap((value, index) => (value === best ? [index] : [])))
}

/** What can be an axis: every metric, and every param that differs. A param is numeric when all its values are. */
export function dimensionsOf({ params, metrics }: Pick<RunComparison, 'params' | 'metrics'>): Dimension[] {
  return [
    ...params
      .filter(({ differs }) => differs)
      .map(({ key, values }): Dimension => {
        const numbers = values.map((value) => (value === null || value.trim() === '' ? null : Number(value)))
        const numeric = values.every(
          (value, index) => value === null || Number.isFinite(numbers[index] ?? NaN),
        )
        return { id: `param:${key}`, name: key, kind: 'param', values: numeric ? numbers : values, numeric }
      }),
    ...metrics
      .filter(({ key }) => !key.startsWith('system/'))
      .map(({ key, values, lowerIsBetter }): Dimension => ({
        id: `metric:${key}`,
        name: key,
        kind: 'metric',
        values: values.map((value) => (typeof value === 'number' ? value : null)),
        numeric: true,
        lowerIsBetter,
      })),
  ]
}

export interface Axis {
  dimension: Dimension
  low: number
  high: number
  log: boolean
  /** What stands on a categorical axis, from the bottom. */
  categories: string[]
  /** Where a value stands, 0 at the bottom and 1 at the top; undefined for what has none. */
  at: (value: number | string | null | undefined) => number | undefined
}

/** Numbers from their least to their greatest; texts evenly, by their order. A log axis needs values above zero. */
export function axisOf(dimension: Dimension, { log = false }: { log?: boolean } = {}): Axis {
  if (!dimension.numeric) return categoricalAxis(dimension)
  const numbers = dimension.values.filter((value) => typeof value === 'number')
  const usable = numbers.filter((value) => !log || value > 0)
  const low = usable.length === 0 ? 0 : Math.min(...usable)
  const high = usable.length === 0 ? 1 : Math.max(...usable)
  const scaled = log ? Math.log : (value: number) => value
  const span = scaled(high) - scaled(low)
  return {
    dimension,
    low,
    high,
    log,
    categories: [],
    at: (value) => {
      if (typeof value !== 'number' || (log && value <= 0)) return undefined
      return span === 0 ? 0.5 : (scaled(value) - scaled(low)) / span
    },
  }
}

function categoricalAxis(dimension: Dimension): Axis {
  const categories = [...new Set(dimension.values.filter((value) => value !== null).map(String))].sort(
    (a, b) => a.localeCompare(b, undefined, { numeric: true }),
  )
  const places = new Map(
    categories.map((text, index) => [text, categories.length === 1 ? 0.5 : index / (categories.length - 1)]),
  )
  return {
    dimension,
    low: 0,
    high: 1,
    log: false,
    categories,
    at: (value) => (value === null || value === undefined ? undefined : places.get(String(value))),
  }
}

/** The value that stands at a place of a numeric axis. */
export function valueAt({ low, high, log }: Axis, place: number): number {
  return log ? Math.exp(Math.log(low) + place * (Math.log(high) - Math.log(low))) : low + place * (high - low)
}

/** Ranges of places by the id of their dimension: what lies in all of them is chosen. */
export type Brushes = ReadonlyMap<string, readonly [low: number, high: number]>

export function withinBrushes(axes: readonly Axis[], brushes: Brushes, index: number): boolean {
  return axes.every((axis) => {
    const brush = brushes.get(axis.dimension.id)
    if (!brush) return true
    const place = axis.at(axis.dimension.values[index])
    return place !== undefined && place >= brush[0] - 1e-9 && place <= brush[1] + 1e-9
  })
}

/** In an address: `metric:auc~0.2~0.9`, several with commas. */
export function readBrushes(text: string): Brushes {
  return new Map(
    text.split(',').flatMap((part): [string, [number, number]][] => {
      const [id, low, high] = part.split('~')
      const range: [number, number] = [Number(low), Number(high)]
      return id !== undefined && high !== undefined && range.every((place) => place >= 0 && place <= 1)
        ? [[id, range]]
        : []
    }),
  )
}

export function writeBrushes(brushes: Brushes): string {
  return [...brushes].map(([id, [low, high]]) => `${id}~${low.toFixed(3)}~${high.toFixed(3)}`).join(',')
}

/** The points that no other is at least as good as in both and better in one. */
export function paretoFront(
  points: readonly { x: number; y: number; index: number }[],
  lower: { x: boolean; y: boolean },
): Set<number> {
  const better = (a: number, b: number, low: boolean) => (low ? a < b : a > b)
  const sorted = [...points].sort((a, b) =>
    a.x === b.x ? (better(a.y, b.y, lower.y) ? -1 : 1) : better(a.x, b.x, lower.x) ? -1 : 1,
  )
  const front = new Set<number>()
  let best: { x: number; y: number } | undefined
  for (const point of sorted) {
    const equal = best !== undefined && point.x === best.x && point.y === best.y
    if (best === undefined || better(point.y, best.y, lower.y) || equal) {
      front.add(point.index)
      best = point
    }
  }
  return front
}
