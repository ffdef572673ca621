import { useCallback, useMemo } from 'react'
import { useLocation } from 'wouter'
import { numberText, ParallelCoordinates, type ParallelLine } from '../charts/ParallelCoordinates.tsx'
import { Section } from '../kit/Page.tsx'
import { runColour } from '../palette.ts'
import type { RunComparison } from './answers.ts'
import { textAt, ticksOf } from './compare-axes.ts'
import { type Axis, axisOf } from './compare-data.ts'
import type { Comparison } from './compare-state.ts'
import styles from './Compare.module.css'
import { MetricChoice } from './MetricChoice.tsx'

/** More lines than this can't be told apart by eight colours: then the colour is the metric's value. */
const byColour = 12

/** From params to a metric: which settings lead where. */
export function ParallelView({ data, comparison }: { data: RunComparison; comparison: Comparison }) {
  const { axes, brushes, chosen, metric, dimensions, labels } = comparison
  const [, go] = useLocation()
  const onOpen = useCallback((id: string) => go(`/runs/${id}`), [go])
  const lines = useMemo(() => {
    const metricAxis = metric && axisOf(metric)
    return data.runs.map((run, index): ParallelLine => {
      const values = axes.map((axis) => axis.dimension.values[index])
      return {
        id: run.id,
        name: labels[index] ?? run.name,
        places: axes.map((axis, at) => axis.at(values[at])),
        cells: values.map((value) => (typeof value === 'number' ? numberText(value) : (value ?? ''))),
        colour: data.runs.length <= byColour ? runColour(run.id) : valueColour(metricAxis, index),
        chosen: chosen[index] ?? true,
      }
    })
  }, [data.runs, axes, chosen, metric, labels])
  return (
    <Section title="Parallel coordinates" note={<MetricChoice comparison={comparison} />}>
      <details className={styles['axes']}>
        <summary>Axes ({axes.length})</summary>
        <div>
          {dimensions.map(({ id, name }) => (
            <label key={id}>
              <input
                type="checkbox"
                checked={axes.some((axis) => axis.dimension.id === id)}
                onChange={() => comparison.setAxes(toggled(axes, id))}
              />{' '}
              {name}
            </label>
          ))}
        </div>
      </details>
      <ParallelCoordinates
        label={`Settings and ${metric?.name ?? 'metrics'}`}
        axes={axes.map((axis) => ({
          id: axis.dimension.id,
          name: axis.dimension.name,
          ticks: ticksOf(axis),
          textAt: (place) => textAt(axis, place),
        }))}
        lines={lines}
        brushes={brushes}
        onBrush={comparison.setBrush}
        onOpen={onOpen}
      />
      {data.runs.length > byColour && metric && (
        <p className={styles['ramp']}>
          Coloured by {metric.name}, from {metric.lowerIsBetter ? 'best' : 'worst'} <span aria-hidden /> to{' '}
          {metric.lowerIsBetter ? 'worst' : 'best'}
        </p>
      )}
    </Section>
  )
}

function toggled(axes: readonly Axis[], id: string): string[] {
  const ids = axes.map((axis) => axis.dimension.id)
  return ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]
}

/** From one end of the metric's range to the other. */
function valueColour(axis: Axis | undefined, index: number): string {
  const place = axis?.at(axis.dimension.values[index])
  if (place === undefined) return 'var(--ink-3)'
  return `color-mix(in oklab, var(--c0) ${Math.round(place * 100)}%, var(--c4))`
}
