import { type KeyboardEvent, useState } from 'react'
import { ChartFrame } from './ChartFrame.tsx'
import styles from './Scatter.module.css'

interface ScatterAxis {
  name: string
  ticks: { place: number; text: string }[]
}

export interface ScatterPoint {
  id: string
  name: string
  /** From 0 to 1, along each axis. */
  x: number
  y: number
  xText: string
  yText: string
  colour: string
  /** No other is better in both. */
  front: boolean
  chosen: boolean
}

interface ScatterProps {
  label: string
  x: ScatterAxis
  y: ScatterAxis
  points: ScatterPoint[]
  onOpen: (id: string) => void
}

const height = 360
const left = 64
const right = 16
const top = 10
const bottom = 42

/** One point for each run; the front is drawn with a ring and joined. Arrow keys go from point to point, Enter opens. */
export function Scatter({ label, x, y, points, onOpen }: ScatterProps) {
  const [over, setOver] = useState<number | undefined>()
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y)
  const shown = over === undefined ? undefined : sorted[over]
  const front = sorted.filter((point) => point.front)
  const onKeyDown = (event: KeyboardEvent) => {
    const by =
      event.key === 'ArrowRight' || event.key === 'ArrowUp'
        ? 1
        : event.key === 'ArrowLeft' || event.key === 'ArrowDown'
          ? -1
          : 0
    if (by !== 0)
      setOver(Math.max(0, Math.min(sorted.length - 1, (over ?? (by > 0 ? -1 : sorted.length)) + by)))
    else if (event.key === 'Enter' && shown) onOpen(shown.id)
    else return
    event.preventDefault()
  }
  const told =
    shown &&
    `${shown.name}: ${x.name} ${shown.xText}, ${y.name} ${shown.yText}${shown.front ? ', on the front' : ''}`
  return (
    <ChartFrame
      label={label}
      reading={told ?? `${points.length} runs, ${front.length} on the front`}
      data={{
        columns: ['Run', x.name, y.name, 'On the front'],
        rows: () => sorted.map((point) => [point.name, point.xText, point.yText, point.front ? 'yes' : '']),
      }}
    >
      {(width) => {
        const px = (place: number) => left + place * (width - left - right)
        const py = (place: number) => top + (1 - place) * (height - top - bottom)
        return (
          <svg
            width={width}
            height={height}
            tabIndex={0}
            role="application"
            aria-label={`${label}. Arrow keys go from run to run, Enter opens one.`}
            className={styles['plot']}
            onKeyDown={onKeyDown}
            onBlur={() => setOver(undefined)}
          >
            <g aria-hidden>
              {x.ticks.map((tick) => (
                <g key={tick.place}>
                  <line x1={px(tick.place)} x2={px(tick.place)} y1={py(0)} y2={py(1)} stroke="var(--line)" />
                  <text x={px(tick.place)} y={py(0) + 16} textAnchor="middle">
                    {tick.text}
                  </text>
                </g>
              ))}
              {y.ticks.map((tick) => (
                <g key={tick.place}>
                  <line x1={px(0)} x2={px(1)} y1={py(tick.place)} y2={py(tick.place)} stroke="var(--line)" />
                  <text x={left - 8} y={py(tick.place) + 4} textAnchor="end">
                    {tick.text}
                  </text>
                </g>
              ))}
              <text x={px(0.5)} y={height - 8} textAnchor="middle" className={styles['axis']}>
                {x.name}
              </text>
              {front.length > 1 && (
                <polyline
                  points={front.map((point) => `${px(point.x)},${py(point.y)}`).join(' ')}
                  fill="none"
                  stroke="var(--ink-3)"
                  strokeDasharray="4 3"
                />
              )}
              {sorted.map((point, index) => (
                <circle
                  key={point.id}
                  cx={px(point.x)}
                  cy={py(point.y)}
                  r={index === over ? 7 : 4.5}
                  fill={point.colour}
                  fillOpacity={point.chosen ? 0.85 : 0.15}
                  stroke={point.front || index === over ? 'var(--ink)' : 'none'}
                  strokeWidth={1.5}
                  className={styles['point']}
                  onPointerEnter={() => setOver(index)}
                  onPointerLeave={() => setOver(undefined)}
                  onClick={() => onOpen(point.id)}
                />
              ))}
            </g>
          </svg>
        )
      }}
    </ChartFrame>
  )
}
