import { amount } from '../kernel/amount.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ColumnEvidence, Evidence } from './evidence.ts'
import { timeSql, type TimeColumn } from './split.ts'
import { decimal, percent } from './literal.ts'

export type Task = 'binary' | 'multiclass' | 'regression' | 'forecast'

export interface TaskProposal {
  task: Task
  evidence: string
  /** Of a binary task: the value that counts as 1, as text. */
  positive: string | undefined
}

const FEWEST_PER_CLASS = 10
/** A time series has one row at each time and steps that are mostly equal. */
const EQUAL_STEPS = 0.9

/** What kind of prediction the target asks for. */
export async function proposeTask(
  session: AnalyticsSession,
  rows: string,
  { target, time, evidence }: { target: ColumnEvidence; time: TimeColumn | undefined; evidence: Evidence },
): Promise<TaskProposal> {
  const { values, known, kind, distinct } = target
  const shares = values.map(({ value, count }) => `${value} ${percent(count / known)}`)
  if (values.length === 2) {
    const positive = positiveOf(values.map(({ value }) => value)) ?? values.at(-1)!.value
    return { task: 'binary', evidence: `two values: ${shares.join(', ')}`, positive }
  }
  const isClass = kind === 'category' || (values.length > 2 && values.length <= 10)
  if (isClass) {
    const listed = values.length > 0 ? shares.slice(0, 6).join(', ') : `about ${amount(distinct)} of them`
    const few = known < FEWEST_PER_CLASS * distinct ? '; too few rows for so many classes' : ''
    return {
      task: 'multiclass',
      evidence: `${values.length > 0 ? values.length : `about ${amount(distinct)}`} classes: ${listed}${few}`,
      positive: undefined,
    }
  }
  const range = `numbers from ${decimal(target.min ?? 0)} to ${decimal(target.max ?? 0)}, about ${amount(distinct)} different ones`
  const series = time && (await findSeries(session, rows, time, evidence))
  if (!series) return { task: 'regression', evidence: range, positive: undefined }
  const by = series.by === undefined ? '' : ` for each ${series.by}`
  const steps = `one row${by} at each ${time.name}, ${percent(series.share)} of the steps are ${series.step}`
  return {
    task: 'forecast',
    evidence: `${range}; ${steps}. When what is predicted belongs to a row and not to the next step, it is a regression`,
    positive: undefined,
  }
}

function positiveOf(values: readonly string[]): string | undefined {
  return values.find((value) => /^(1|true|yes|y|t|positive|bad|late|fraud|churn(ed)?)$/i.test(value))
}

/** Whether the rows are a series over time, or one for each value of a column. */
async function findSeries(
  session: AnalyticsSession,
  rows: string,
  time: TimeColumn,
  { columns }: Evidence,
): Promise<{ by: string | undefined; share: number; step: string } | undefined> {
  const keys = columns.filter(
    ({ kind, values, nulls }) => kind === 'category' && nulls === 0 && values.length > 1,
  )
  for (const by of [undefined, ...keys.map(({ name }) => name)]) {
    const partition = by === undefined ? '' : `PARTITION BY ${quoteIdentifier(by)}`
    const column = timeSql(time)
    const [found] = await session.query(
      `WITH steps AS (SELECT epoch_ms(${column}) - lag(epoch_ms(${column})) OVER (${partition} ORDER BY ${column}) AS step FROM ${rows})
       SELECT mode(step) AS step, count(step) AS n, count(*) FILTER (WHERE step = (SELECT mode(step) FROM steps)) AS same,
         count(*) FILTER (WHERE step BETWEEN ${28 * DAY_MS} AND ${31 * DAY_MS}) AS months, count(*) FILTER (WHERE step = 0) AS repeated FROM steps`,
    )
    const steps = Number(found!['n'])
    const months = Number(found!['months'])
    const same = Math.max(Number(found!['same']), months)
    if (steps >= 20 && Number(found!['repeated']) === 0 && same >= EQUAL_STEPS * steps)
      return {
        by,
        share: same / steps,
        step: months === same ? 'a month' : durationText(Number(found!['step'])),
      }
  }
  return undefined
}

function durationText(ms: number): string {
  const units: readonly [number, string][] = [
    [DAY_MS, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second'],
  ]
  const [size, name] = units.find(([unit]) => ms % unit === 0 && ms >= unit) ?? [1, 'millisecond']
  return `${ms / size} ${name}${ms === size ? '' : 's'}`
}
