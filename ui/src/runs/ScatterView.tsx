import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { Scatter, type ScatterPoint } from '../charts/Scatter.tsx'
import { useParam } from '../kit/address.ts'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { runColour } from '../palette.ts'
import type { RunComparison } from './answers.ts'
import { ticksOf } from './compare-axes.ts'
import { axisOf, type Dimension, paretoFront } from './compare-data.ts'
import type { Comparison } from './compare-state.ts'
import styles from './Compare.module.css'

/** Anything over anything, and which runs no other beats in both. */
export function ScatterView({ data, comparison }: { data: RunComparison; comparison: Comparison }) {
  const { dimensions, metrics, metric, chosen, labels } = comparison
  const [, go] = useLocation()
  const other =
    metrics.find((one) => one !== metric && new Set(one.values).size > 1) ??
    dimensions.find((one) => one !== metric)
  const [xId, setX] = useParam('across', other?.id ?? '')
  const [yId, setY] = useParam('up', metric?.id ?? '')
  const [log, setLog] = useParam('logs', '')
  const x = dimensions.find(({ id }) => id === xId)
  const y = dimensions.find(({ id }) => id === yId)
  const picture = useMemo(
    () =>
      x && y && pointsOf(data, { x, y, logX: log.includes('x'), logY: log.includes('y'), chosen, labels }),
    [data, x, y, log, chosen, labels],
  )
  const write = (letter: string) => setLog(log.includes(letter) ? log.replace(letter, '') : log + letter)
  return (
    <Section
      title="Scatter"
      note={
        <span className={styles['choices']}>
          <Choice label="Across" value={xId} dimensions={dimensions} onChange={setX} />
          <label>
            <input type="checkbox" checked={log.includes('x')} onChange={() => write('x')} /> log
          </label>
          <Choice label="Up" value={yId} dimensions={dimensions} onChange={setY} />
          <label>
            <input type="checkbox" checked={log.includes('y')} onChange={() => write('y')} /> log
          </label>
        </span>
      }
    >
      {picture && x && y ? (
        <Scatter
          label={`${y.name} over ${x.name}`}
          x={{ name: x.name, ticks: ticksOf(picture.xAxis) }}
          y={{ name: y.name, ticks: ticksOf(picture.yAxis) }}
          points={picture.points}
          onOpen={(id) => go(`/runs/${id}`)}
        />
      ) : (
        <Quiet>Two things that differ are needed.</Quiet>
      )}
    </Section>
  )
}

interface Wanted {
  x: Dimension
  y: Dimension
  logX: boolean
  logY: boolean
  chosen: readonly boolean[]
  labels: readonly string[]
}

function pointsOf(data: RunComparison, { x, y, logX, logY, chosen, labels }: Wanted) {
  const xAxis = axisOf(x, { log: logX })
  const yAxis = axisOf(y, { log: logY })
  const placed = data.runs.flatMap((run, index) => {
    const at = { x: xAxis.at(x.values[index]), y: yAxis.at(y.values[index]) }
    return at.x === undefined || at.y === undefined ? [] : [{ run, index, x: at.x, y: at.y }]
  })
  // Of a param nobody knows which way is better: the front is of two metrics.
  const both = x.kind === 'metric' && y.kind === 'metric' && x.id !== y.id
  const front = both
    ? paretoFront(placed, { x: x.lowerIsBetter ?? false, y: y.lowerIsBetter ?? false })
    : new Set<number>()
  const text = (value: number | string | null | undefined) =>
    typeof value === 'number' ? value.toPrecision(5) : (value ?? '')
  const points = placed.map(({ run, index, ...place }): ScatterPoint => ({
    id: run.id,
    name: labels[index] ?? run.name,
    ...place,
    xText: text(x.values[index]),
    yText: text(y.values[index]),
    colour: runColour(run.id),
    front: front.has(index),
    chosen: chosen[index] ?? true,
  }))
  return { xAxis, yAxis, points }
}

function Choice({
  label,
  value,
  dimensions,
  onChange,
}: {
  label: string
  value: string
  dimensions: readonly Dimension[]
  onChange: (id: string) => void
}) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      {dimensions.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  )
}
