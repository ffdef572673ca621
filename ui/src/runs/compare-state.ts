import { useMemo } from 'react'
import { useParam } from '../kit/address.ts'
import type { RunComparison } from './answers.ts'
import {
  axisOf,
  type Axis,
  bestOf,
  type Dimension,
  dimensionsOf,
  labelsOf,
  readBrushes,
  withinBrushes,
  writeBrushes,
} from './compare-data.ts'

const axesAtFirst = 7

/** What the pictures of a comparison share, all of it in the address: the metric asked about, the axes, the ranges chosen on them. */
export function useComparison(data: RunComparison) {
  const [by, setBy] = useParam('by', '')
  const [axisText, setAxes] = useParam('axes', '')
  const [brushText, setBrushes] = useParam('brush', '')
  const [flipText, setFlips] = useParam('flip', '')
  const flips = useMemo(() => new Set(flipText.split(',').filter(Boolean)), [flipText])
  const dimensions = useMemo(
    () =>
      dimensionsOf(data).map((dimension): Dimension =>
        dimension.kind === 'metric' && flips.has(dimension.name)
          ? { ...dimension, lowerIsBetter: !dimension.lowerIsBetter }
          : dimension,
      ),
    [data, flips],
  )
  const metrics = dimensions.filter(({ kind }) => kind === 'metric')
  const metric =
    metrics.find(({ name }) => name === by) ??
    metrics.find(({ values, lowerIsBetter = false }) => bestOf(values, lowerIsBetter).size > 0) ??
    metrics[0]
  const axisIds = axisText === '' ? usualAxes(dimensions, metric) : axisText.split(',')
  const axes = useMemo(
    () =>
      axisIds.flatMap((id): Axis[] => {
        const dimension = dimensions.find((one) => one.id === id)
        return dimension ? [axisOf(dimension, { log: spansDecades(dimension) })] : []
      }),
    // oxlint-disable-next-line react-hooks/exhaustive-deps
    [axisIds.join(), dimensions],
  )
  const brushes = useMemo(() => readBrushes(brushText), [brushText])
  const chosen = useMemo(
    () => data.runs.map((_, index) => withinBrushes(axes, brushes, index)),
    [data.runs, axes, brushes],
  )
  const labels = useMemo(() => labelsOf(data.runs), [data.runs])
  return {
    /** What each run is called, no two the same. */
    labels,
    dimensions,
    metrics,
    metric,
    axes,
    brushes,
    /** For each run, whether it lies in all chosen ranges. */
    chosen,
    setBy,
    setAxes: (ids: readonly string[]) => setAxes(ids.join(',')),
    setBrush: (id: string, range: readonly [number, number] | undefined) => {
      const next = new Map<string, readonly [number, number]>(brushes)
      if (range) next.set(id, range)
      else next.delete(id)
      setBrushes(writeBrushes(next))
    },
    clearBrushes: () => setBrushes(''),
    flip: (name: string) => {
      const next = new Set(flips)
      if (!next.delete(name)) next.add(name)
      setFlips([...next].join(','))
    },
  }
}

export type Comparison = ReturnType<typeof useComparison>

/** The params that differ and that most runs have, then the metric asked about. */
function usualAxes(dimensions: readonly Dimension[], metric: Dimension | undefined): string[] {
  const usual = ({ kind, values }: Dimension) =>
    kind === 'param' && 2 * values.filter((value) => value !== null).length >= values.length
  const params = dimensions.filter(usual).map(({ id }) => id)
  const others = dimensions
    .filter((one) => one.kind === 'metric' && one.id !== metric?.id)
    .map(({ id }) => id)
  const first = [...params, ...others].slice(0, axesAtFirst - 1)
  return metric ? [...first, metric.id] : first
}

/** Learning rates and the like are read on a log axis. */
function spansDecades({ values, numeric, kind }: Dimension): boolean {
  const numbers = values.filter((value) => typeof value === 'number')
  return (
    numeric &&
    kind === 'param' &&
    numbers.length > 1 &&
    numbers.every((value) => value > 0) &&
    Math.max(...numbers) / Math.min(...numbers) >= 20
  )
}
