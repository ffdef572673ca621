import { type PointerEvent, useState } from 'react'
import { count, share } from '../format.ts'
import { TimeTicks } from './Axes.tsx'
import { ChartFrame } from './ChartFrame.tsx'
import { timeAxis } from './scale.ts'

interface AreaSeries {
  name: string
  colour: string
  /** One count for each bucket. */
  counts: number[]
}
interface AreaMark {
  id: string
  atMs: number
  number: number
  colour: string
  sentence: string
}

interface SteppedProps {
  label: string
  buckets: number[]
  bucketMs: number
  series: AreaSeries[]
  /** Counts that are not answers (shadow): a strip under the picture, not a part of the whole. */
  beside?: AreaSeries[]
  marks: AreaMark[]
  fromMs: number
  toMs: number
  timeFormat: (ms: number) => string
  height?: number
  left?: number
}

const stripPx = 16

/** Who answered, as a share of each bucket, in steps; what was decided, as numbered marks. */
export function SteppedArea(props: SteppedProps) {
  const {
    label,
    buckets,
    bucketMs,
    series,
    beside = [],
    marks,
    fromMs,
    toMs,
    timeFormat,
    height = 168,
    left = 44,
  } = props
  const [hover, setHover] = useState<number | undefined>()
  const total = (index: number) => series.reduce((sum, one) => sum + (one.counts[index] ?? 0), 0)
  const at = hover === undefined ? undefined : buckets.findIndex((ms) => hover >= ms && hover < ms + bucketMs)
  const reading =
    at !== undefined &&
    at >= 0 &&
    `${timeFormat(buckets[at] ?? 0)} · ${count(total(at))} answers${series
      .filter((one) => (one.counts[at] ?? 0) > 0)
      .map((one) => ` · ${one.name} ${share((one.counts[at] ?? 0) / total(at))}`)
      .join('')}`
  return (
    <ChartFrame
      label={label}
      reading={reading}
      data={{
        columns: ['When', ...series.map((one) => one.name), ...beside.map((one) => one.name)],
        rows: () =>
          buckets.map((ms, index) => [
            timeFormat(ms),
            ...[...series, ...beside].map((one) => count(one.counts[index] ?? 0)),
          ]),
      }}
    >
      {(width) => {
        const right = width - 64
        const top = 22
        const bottom = height - 22 - beside.length * stripPx
        const x = timeAxis(fromMs, toMs, left, right)
        const edge = (ms: number) => Math.max(left, Math.min(right, x.at(ms)))
        const y = (value: number) => bottom - value * (bottom - top)
        const below = buckets.map(() => 0)
        const onMove = (event: PointerEvent<SVGSVGElement>) =>
          setHover(x.invert(event.clientX - event.currentTarget.getBoundingClientRect().left))
        return (
          <svg
            width={width}
            height={height}
            role="img"
            aria-label={label}
            onPointerMove={onMove}
            onPointerLeave={() => setHover(undefined)}
          >
            {[0, 0.5, 1].map((value) => (
              <text key={value} x={left - 8} y={y(value) + 4} textAnchor="end" aria-hidden>
                {share(value)}
              </text>
            ))}
            {series.map((one) => {
              const rects = buckets.map((ms, index) => {
                const whole = total(index)
                const from = below[index] ?? 0
                const part = whole === 0 ? 0 : (one.counts[index] ?? 0) / whole
                below[index] = from + part
                return { ms, from, part }
              })
              const last = rects.findLast((rect) => rect.part > 0.08)
              return (
                <g key={one.name}>
                  <path
                    d={steps(
                      rects.map((rect) => ({
                        ...rect,
                        left: edge(rect.ms),
                        right: edge(rect.ms + bucketMs),
                      })),
                      y,
                    )}
                    fill={one.colour}
                    opacity={0.5}
                  />
                  {last && (
                    <text
                      x={Math.min(right + 6, edge(last.ms + bucketMs) + 6)}
                      y={y(last.from + last.part / 2) + 4}
                      style={{ fill: one.colour, fontWeight: 600 }}
                    >
                      {one.name}
                    </text>
                  )}
                </g>
              )
            })}
            {beside.map((one, row) => (
              <g key={one.name}>
                <path
                  d={steps(
                    buckets.map((ms, index) => ({
                      from: 0,
                      part: (one.counts[index] ?? 0) > 0 ? 1 : 0,
                      left: edge(ms),
                      right: edge(ms + bucketMs),
                    })),
                    (value) => bottom + 11 + row * stripPx - value * 6,
                  )}
                  fill={one.colour}
                  opacity={0.5}
                />
                <text
                  x={right + 6}
                  y={bottom + 12 + row * stripPx}
                  style={{ fill: one.colour, fontWeight: 500 }}
                >
                  {one.name}
                </text>
              </g>
            ))}
            {spread(
              marks.map((mark) => edge(mark.atMs)),
              left,
              right,
            ).map((px, index) => {
              const mark = marks[index]
              if (mark === undefined) return null
              return (
                <g key={mark.id}>
                  <title>{mark.sentence}</title>
                  <line
                    x1={edge(mark.atMs)}
                    x2={edge(mark.atMs)}
                    y1={top - 4}
                    y2={bottom}
                    stroke={mark.colour}
                    strokeDasharray="2 3"
                  />
                  <circle cx={px} cy={9} r={8} fill="var(--paper)" stroke={mark.colour} strokeWidth={1.5} />
                  <text
                    x={px}
                    y={13}
                    textAnchor="middle"
                    style={{ fill: mark.colour, fontWeight: 600, fontSize: 10 }}
                  >
                    {mark.number}
                  </text>
                </g>
              )
            })}
            <TimeTicks axis={x} y={height - 22} left={left} right={right} />
          </svg>
        )
      }}
    </ChartFrame>
  )
}

interface Step {
  from: number
  part: number
  left: number
  right: number
}

/** One outline for each stretch without a gap: along the top in steps, back along the bottom. */
function steps(all: Step[], y: (value: number) => number): string {
  const stretches: Step[][] = [[]]
  for (const step of all) {
    if (step.part > 0) stretches.at(-1)?.push(step)
    else if (stretches.at(-1)?.length !== 0) stretches.push([])
  }
  return stretches
    .filter((stretch) => stretch.length > 0)
    .map((stretch) => {
      const top = stretch.map((step) => `L${step.left},${y(step.from + step.part)}H${step.right}`).join('')
      const back = stretch
        .toReversed()
        .map((step) => `L${step.right},${y(step.from)}H${step.left}`)
        .join('')
      return `M${top.slice(1)}${back}Z`
    })
    .join('')
}

/** Marks that fall together stand side by side, and none beyond the edges. */
function spread(positions: number[], left: number, right: number): number[] {
  const last = positions.length - 1
  const apart = Math.min(18, (right - left) / Math.max(1, last))
  let before = -Infinity
  return positions.map((px, index) => {
    before = Math.min(Math.max(px, before + apart), right - (last - index) * apart)
    return before
  })
}
