import type { Curve } from '../answers.ts'

export type XKind = 'step' | 'time' | 'relative'

type Point = Curve['points'][number]

/** The finite points, over steps, over seconds since the start, or over seconds of the clock; a log axis has only what is above zero. */
export function drawnPoints(
  startMs: number,
  points: readonly Point[],
  { x, logX, logY }: { x: XKind; logX: boolean; logY: boolean },
): { xs: number[]; ys: number[] } {
  const at = ([step, ms]: Point): number =>
    x === 'step' ? step : x === 'time' ? ms / 1000 : (ms - startMs) / 1000
  const drawn = points
    .flatMap((point): [number, number][] => (point[2] === null ? [] : [[at(point), point[2]]]))
    .filter(([px, py]) => (!logX || px > 0) && (!logY || py > 0))
    .sort(([a], [b]) => a - b)
  return { xs: drawn.map(([px]) => px), ys: drawn.map(([, py]) => py) }
}

/** Keys by what stands before their last slash, those without one first. */
export function groupKeys(keys: readonly string[]): [prefix: string, keys: string[]][] {
  const groups = new Map<string, string[]>()
  for (const key of keys) {
    const prefix = key.includes('/') ? key.slice(0, key.lastIndexOf('/')) : ''
    groups.set(prefix, [...(groups.get(prefix) ?? []), key])
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b))
}
