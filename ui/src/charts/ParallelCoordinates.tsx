import { type KeyboardEvent, memo, type PointerEvent, useMemo, useRef, useState } from 'react'
import { decimal } from '../format.ts'
import { ChartFrame } from './ChartFrame.tsx'
import styles from './ParallelCoordinates.module.css'

interface ParallelAxis {
  id: string
  name: string
  /** Texts at places from 0, the bottom, to 1. */
  ticks: { place: number; text: string }[]
  /** What a place means, for who can't see the axis. */
  textAt: (place: number) => string
}

export interface ParallelLine {
  id: string
  name: string
  /** One place for each axis; undefined where it has no value. */
  places: (number | undefined)[]
  cells: string[]
  colour: string
  chosen: boolean
}

type Range = readonly [low: number, high: number]

interface ParallelProps {
  label: string
  axes: ParallelAxis[]
  lines: ParallelLine[]
  brushes: ReadonlyMap<string, Range>
  onBrush: (axisId: string, range: Range | undefined) => void
  onOpen: (id: string) => void
}

const height = 340
const top = 34
const bottom = 30
const left = 60
const step = 0.05

const y = (place: number) => top + (1 - place) * (height - top - bottom)

/** Each run a line through its values. Drag along an axis to choose a range; its two ends are sliders for the keyboard. */
export function ParallelCoordinates(props: ParallelProps) {
  const { label, axes, lines, brushes, onBrush, onOpen } = props
  const [over, setOver] = useState<string | undefined>()
  const shown = lines.find((line) => line.id === over)
  const chosen = lines.filter((line) => line.chosen)
  return (
    <ChartFrame
      label={label}
      reading={shown ? shown.name : `${chosen.length} of ${lines.length} runs`}
      data={{
        columns: ['Run', ...axes.map(({ name }) => name)],
        rows: () => chosen.map((line) => [line.name, ...line.cells]),
      }}
    >
      {(width) => {
        return (
          <svg width={width} height={height} className={styles['plot']} role="group" aria-label={label}>
            <Lines lines={lines} axes={axes.length} width={width} onOver={setOver} onOpen={onOpen} />
            {axes.map((axis, index) => (
              <AxisBrush
                key={axis.id}
                axis={axis}
                x={xOf(index, axes.length, width)}
                range={brushes.get(axis.id)}
                onBrush={(range) => onBrush(axis.id, range)}
              />
            ))}
          </svg>
        )
      }}
    </ChartFrame>
  )
}

function xOf(index: number, axes: number, width: number): number {
  return axes < 2 ? width / 2 : left + (index * (width - 2 * left)) / (axes - 1)
}

interface LinesProps {
  lines: readonly ParallelLine[]
  axes: number
  width: number
  onOver: (id: string | undefined) => void
  onOpen: (id: string) => void
}

/** A thousand of them stay as they are while the pointer goes over them: which one is meant, the style sheet shows. */
const Lines = memo(function Lines({ lines, axes, width, onOver, onOpen }: LinesProps) {
  const drawn = useMemo(
    () =>
      lines
        .map((line) => ({ ...line, path: pathOf(line, (index) => xOf(index, axes, width)) }))
        .sort((a, b) => Number(a.chosen) - Number(b.chosen)),
    [lines, axes, width],
  )
  return (
    <g fill="none" className={styles['lines']}>
      {drawn.map(({ id, path, colour, chosen }) =>
        chosen ? (
          <path
            key={id}
            d={path}
            stroke={colour}
            className={styles['line']}
            onPointerEnter={() => onOver(id)}
            onPointerLeave={() => onOver(undefined)}
            onClick={() => onOpen(id)}
          />
        ) : (
          <path key={id} d={path} className={styles['other']} />
        ),
      )}
    </g>
  )
})

/** A line breaks where the run has no value. */
function pathOf({ places }: ParallelLine, x: (index: number) => number): string {
  let open = false
  return places
    .map((place, index) => {
      if (place === undefined) {
        open = false
        return ''
      }
      const command = open ? 'L' : 'M'
      open = true
      return `${command}${x(index).toFixed(1)} ${y(place).toFixed(1)}`
    })
    .join('')
}

interface AxisProps {
  axis: ParallelAxis
  x: number
  range: Range | undefined
  onBrush: (range: Range | undefined) => void
}

function AxisBrush({ axis, x, range, onBrush }: AxisProps) {
  const from = useRef<number | undefined>(undefined)
  const placeOf = (event: PointerEvent<SVGElement>): number => {
    const box = event.currentTarget.ownerSVGElement!.getBoundingClientRect()
    return clamp(1 - (event.clientY - box.top - top) / (height - top - bottom))
  }
  const [low, high] = range ?? [0, 1]
  return (
    <g transform={`translate(${x} 0)`}>
      <text y={16} textAnchor="middle" className={styles['name']}>
        <title>{axis.name}</title>
        {axis.name.length > 16 ? `${axis.name.slice(0, 15)}…` : axis.name}
      </text>
      <line y1={y(0)} y2={y(1)} stroke="var(--line-strong)" />
      {axis.ticks.map((tick) => (
        <text key={tick.place} x={-8} y={y(tick.place) + 4} textAnchor="end">
          {tick.text.length > 12 ? `${tick.text.slice(0, 11)}…` : tick.text}
        </text>
      ))}
      {range && (
        <rect
          x={-7}
          width={14}
          y={y(high)}
          height={Math.max(2, y(low) - y(high))}
          className={styles['brush']}
        />
      )}
      <rect
        x={-12}
        width={24}
        y={top - 6}
        height={height - top - bottom + 12}
        fill="transparent"
        className={styles['track']}
        onPointerDown={(event) => {
          from.current = placeOf(event)
          event.currentTarget.setPointerCapture(event.pointerId)
        }}
        onPointerMove={(event) => {
          if (from.current === undefined) return
          const to = placeOf(event)
          if (Math.abs(to - from.current) > 0.01)
            onBrush([Math.min(from.current, to), Math.max(from.current, to)])
        }}
        onPointerUp={(event) => {
          if (from.current !== undefined && Math.abs(placeOf(event) - from.current) <= 0.01)
            onBrush(undefined)
          from.current = undefined
        }}
      />
      <Handle
        axis={axis}
        end="from"
        place={low}
        onMove={(place) => onBrush(ranged([Math.min(place, high), high]))}
      />
      <Handle
        axis={axis}
        end="to"
        place={high}
        onMove={(place) => onBrush(ranged([low, Math.max(place, low)]))}
      />
    </g>
  )
}

interface HandleProps {
  axis: ParallelAxis
  end: 'from' | 'to'
  place: number
  onMove: (place: number) => void
}

function Handle({ axis, end, place, onMove }: HandleProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    const by: Record<string, number> = {
      ArrowUp: step,
      ArrowRight: step,
      ArrowDown: -step,
      ArrowLeft: -step,
      PageUp: 0.25,
      PageDown: -0.25,
    }
    const to =
      event.key === 'Home'
        ? 0
        : event.key === 'End'
          ? 1
          : by[event.key] === undefined
            ? undefined
            : place + (by[event.key] ?? 0)
    if (to === undefined) return
    event.preventDefault()
    onMove(clamp(to))
  }
  return (
    <rect
      role="slider"
      tabIndex={0}
      aria-label={`${axis.name}, ${end}`}
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(place * 100)}
      aria-valuetext={axis.textAt(place)}
      x={-9}
      width={18}
      y={y(place) + (end === 'from' ? 1 : -5)}
      height={4}
      rx={2}
      className={styles['handle']}
      onKeyDown={onKeyDown}
    />
  )
}

function ranged(range: Range): Range | undefined {
  return range[0] <= 0 && range[1] >= 1 ? undefined : range
}

function clamp(place: number): number {
  return Math.max(0, Math.min(1, place))
}

export function numberText(value: number): string {
  const size = Math.abs(value)
  return size !== 0 && (size < 0.001 || size >= 1e6)
    ? value.toExponential(1).replace('-', '\u2212')
    : decimal(value)
}
