import type { Monitoring } from '../answers.ts'
import { LineBand } from '../charts/LineBand.tsx'
import type { LinePoint } from '../charts/line-points.ts'
import { dayOf, decimal, share } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Quiet } from '../kit/Table.tsx'

const near = 90 * 86_400_000
const axisPx = 60

/** The base rate of each day in the band where days are expected; the days it was learnt from before it. */
export function BaseRate({ data }: { data: Monitoring }) {
  const points = data.baseRate.flatMap((day): LinePoint[] =>
    day.value === null
      ? []
      : [
          {
            atMs: day.startMs,
            value: day.value,
            lower: within(day.oneDay?.lower),
            upper: within(day.oneDay?.upper),
            n: day.labelled,
            outside: day.verdict === 'out',
          },
        ],
  )
  const [first] = points
  if (first === undefined) {
    return (
      <EmptyState
        what="Labels make this picture, and none is mature yet."
        code={'curl http://127.0.0.1:8434/feedback -d \'{"prediction_id": "…", "label": 1}\''}
      />
    )
  }
  const learnt = (data.reference?.days ?? [])
    .filter((day) => day.startMs < first.atMs && day.startMs > first.atMs - near)
    .map((day): LinePoint => ({ atMs: day.startMs, value: day.rate, n: day.rows }))
  return (
    <LineBand
      label="Base rate, per day"
      band="limits"
      bandName="expected"
      left={axisPx}
      format={share}
      timeFormat={dayOf}
      series={[
        ...(learnt.length > 1 ? [{ name: 'training', colour: 'var(--ink-3)', points: learnt }] : []),
        { name: 'now', colour: 'var(--c0)', points },
      ]}
    />
  )
}

/** A limit on a share means nothing beyond none and all. */
function within(limit: number | null | undefined): number | undefined {
  return limit === null || limit === undefined ? undefined : Math.max(0, Math.min(1, limit))
}

/** How well the model ranks on each mature day, with its interval, its limit, and how many labels have come. */
export function Quality({ data }: { data: Monitoring }) {
  const points = data.quality.flatMap((day): LinePoint[] =>
    day.value === null
      ? []
      : [
          {
            atMs: day.startMs,
            value: day.value,
            lower: day.lower ?? undefined,
            upper: day.upper ?? undefined,
            n: day.labelled,
            outside: day.verdict === 'out',
            limit: day.oneDay?.lower ?? undefined,
            share: day.coverage,
          },
        ],
  )
  if (points.length === 0)
    return <Quiet>No day is mature yet: quality is judged when its labels have arrived.</Quiet>
  return (
    <LineBand
      label="AUC, per day, with its interval; dashed: its limit"
      band="interval"
      shareName="labelled"
      left={axisPx}
      format={(value) => decimal(value, 2)}
      timeFormat={dayOf}
      series={[{ name: 'AUC', colour: 'var(--c2)', points }]}
    />
  )
}
