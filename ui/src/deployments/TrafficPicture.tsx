import type { Timeline } from '../answers.ts'
import { LineBand } from '../charts/LineBand.tsx'
import type { LinePoint } from '../charts/line-points.ts'
import { SteppedArea } from '../charts/SteppedArea.tsx'
import { dateTime, share } from '../format.ts'
import { moodOfDecision } from '../decisions/subject.ts'
import { moodColour } from '../kit/tone.ts'
import { versionColour } from '../palette.ts'
import { byVersion, hourMs, hoursOf, type VersionTraffic, wilson } from './traffic.ts'

/** Traffic by version in steps, decisions as marks, and the share of errors under it on the same axis. */
export function TrafficPicture({ timeline, model }: { timeline: Timeline; model: string }) {
  const hours = hoursOf(timeline.traffic, timeline.fromMs, timeline.toMs)
  const answers = byVersion(timeline.traffic, hours, false)
  const shadows = byVersion(timeline.traffic, hours, true)
  const fromMs = hours[0] ?? timeline.fromMs
  const toMs = Math.max(
    (hours.at(-1) ?? timeline.toMs) + hourMs,
    ...timeline.decisions.map((one) => one.atMs),
  )
  const marks = timeline.decisions.map((decision, index) => ({
    id: decision.id,
    atMs: Math.max(fromMs, decision.atMs),
    number: index + 1,
    colour: moodColour[moodOfDecision(decision)],
    sentence: decision.sentence,
  }))
  const named = (one: VersionTraffic) => ({
    name: `${model}/${one.version}`,
    colour: versionColour(one.version),
    counts: one.counts,
  })
  return (
    <>
      <SteppedArea
        label="Share of answers by version"
        buckets={hours}
        bucketMs={hourMs}
        series={answers.map(named)}
        beside={shadows.map((one) => ({ ...named(one), name: `shadow ${one.version}` }))}
        marks={marks}
        fromMs={fromMs}
        toMs={toMs}
        timeFormat={dateTime}
      />
      <LineBand
        label="Share of errors, with 95 % interval"
        band="interval"
        height={116}
        minimumN={100}
        fromMs={fromMs}
        toMs={toMs}
        format={share}
        timeFormat={dateTime}
        marks={marks}
        endLabels
        series={answers.map((one) => ({
          name: `${model}/${one.version}`,
          colour: versionColour(one.version),
          points: errorPoints(one, hours),
        }))}
      />
    </>
  )
}

const mostPoints = 60

/** Several hours make one point in a long range: one hour of a small canary says next to nothing. */
function errorPoints(one: VersionTraffic, hours: number[]): LinePoint[] {
  const each = Math.ceil(hours.length / mostPoints)
  const points: LinePoint[] = []
  for (let from = 0; from < hours.length; from += each) {
    const n = total(one.counts.slice(from, from + each))
    if (n > 0)
      points.push({
        atMs: (hours[from] ?? 0) + (each * hourMs) / 2,
        n,
        ...wilson(total(one.errors.slice(from, from + each)), n),
      })
  }
  return points
}

function total(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
