import { useState } from 'react'
import { count, share } from '../format.ts'
import { TimeTicks } from './Axes.tsx'
import { ChartFrame } from './ChartFrame.tsx'
import { type Scale, timeAxis } from './scale.ts'
import { TimePicture } from './TimePicture.tsx'

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
  const at = hover === undefined ? undefined : buckets.findIndex((ms) => hover >= ms && hover < ms + bucketMs)
  const reading =
    at !== undefined &&
    at >= 0 &&
    `${timeFormat(buckets[at] ?? 0)} · ${count(totalAt(series, at))} answers${series
      .filter((one) => (one.counts[at] ?? 0) > 0)
      .map((one) => ` · ${one.name} ${share((one.counts[at] ?? 0) / totalAt(series, at))}`)
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
        const axis = timeAxis(fromMs, toMs, left, right)
        const edge = (ms: number) => Math.max(left, Math.min(right, axis.at(ms)))
        const y = (value: number) => bottom - value * (bottom - top)
        const placed = (part: Part, at: number): Step => {
          const ms = buckets[at] ?? 0
          return { ...part, left: edge(ms), right: edge(ms + bucketMs) }
        }
        return (
          <TimePicture label={label} width={width} height={height} axis={axis} onHover={setHover}>
            {[0, 0.5, 1].map((value) => (
              <text key={value} x={left - 8} y={y(value) + 4} textAnchor="end" aria-hidden>
                {share(value)}
              </text>
            ))}
            {stacked(series, buckets.length).map(({ of, parts }) => (
              <Share key={of.name} of={of} outline={parts.map(placed)} y={y} right={right} />
            ))}
            {beside.map((one, row) => {
              const base = bottom + row * stripPx
              const part = (at: number) => ((one.counts[at] ?? 0) > 0 ? 1 : 0)
              return (
                <g key={one.name}>
                  <path
                    d={steps(
                      buckets.map((_, at) => placed({ from: 0, part: part(at) }, at)),
                      (value) => base + 11 - value * 6,
                    )}
                    fill={one.colour}
                    opacity={0.5}
                  />
                  <text x={right + 6} y={base + 12} style={{ fill: one.colour, fontWeight: 500 }}>
                    {one.name}
                  </text>
                </g>
              )
            })}
            <Marks marks={marks} edge={edge} left={left} right={right} top={top} bottom={bottom} />
            <TimeTicks axis={axis} y={height - 22} left={left} right={right} />
          </TimePicture>
        )
      }}
    </ChartFrame>
  )
}

interface Part {
  from: number
  part: number
}

interface Step extends Part {
  left: number
  right: number
}

/** The part that each series has of its bucket, one upon the other. */
function stacked(series: AreaSeries[], buckets: number): { of: AreaSeries; parts: Part[] }[] {
  const wholes = Array.from({ length: buckets }, (_, at) => totalAt(series, at))
  const below = wholes.map(() => 0)
  return series.map((of) => ({
    of,
    parts: wholes.map((whole, at) => {
      const from = below[at] ?? 0
      const part = whole === 0 ? 0 : (of.counts[at] ?? 0) / whole
      below[at] = from + part
      return { from, part }
    }),
  }))
}

function totalAt(series: AreaSeries[], at: number): number {
  return series.reduce((sum, one) => sum + (one.counts[at] ?? 0), 0)
}

interface ShareProps {
  of: AreaSeries
  outline: Step[]
  y: Scale
  right: number
}

/** One series, with its name where it was last wide enough for it. */
function Share({ of, outline, y, right }: ShareProps) {
  const last = outline.findLast(({ part }) => part > 0.08)
  return (
    <g>
      <path d={steps(outline, y)} fill={of.colour} opacity={0.5} />
      {last && (
        <text
          x={Math.min(right + 6, last.right + 6)}
          y={y(last.from + last.part / 2) + 4}
          style={{ fill: of.colour, fontWeight: 600 }}
        >
          {of.name}
        </text>
      )}
    </g>
  )
}

interface MarksProps {
  marks: AreaMark[]
  edge: Scale
  left: number
  right: number
  top: number
  bottom: number
}

function Marks({ marks, edge, left, right, top, bottom }: MarksProps) {
  const places = spread(
    marks.map((mark) => edge(mark.atMs)),
    left,
    right,
  )
  return marks.map((mark, index) => (
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
      <circle cx={places[index]} cy={9} r={8} fill="var(--paper)" stroke={mark.colour} strokeWidth={1.5} />
      <text
        x={places[index]}
        y={13}
        textAnchor="middle"
        style={{ fill: mark.colour, fontWeight: 600, fontSize: 10 }}
      >
        {mark.number}
      </text>
    </g>
  ))
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
