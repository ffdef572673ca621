import { sum } from '../kernel/sum.ts'
import { amount } from '../kernel/amount.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ColumnEvidence, Evidence } from './evidence.ts'
import { decimal, percent } from './literal.ts'

/** A column with a time in every row; `format` is how texts of it are written. */
export interface TimeColumn {
  name: string
  format: string | undefined
}

/** SQL of its time. */
export function timeSql({ name, format }: TimeColumn): string {
  const column = quoteIdentifier(name)
  return format === undefined ? column : `strptime(${column}, ${quoteLiteral(format)})`
}

export interface SplitProposal {
  by: 'time' | 'group' | 'random'
  /** The column of the time or of the group. */
  column: string | undefined
  /** Of a split by time: rows from this moment on are the test. */
  cutMs: number | undefined
  holdoutDays: number | undefined
  /** Whether that column holds times, and not texts that can be read as times. */
  isTime: boolean
  reason: string
}

const TEST_SHARE = 0.2
const FEWEST_DAYS = 5
const FEWEST_GROUPS = 10

/**
 * By whole days when rows have a time, since what is served comes later than what it was trained on; else by a group whose rows
 * are alike; else at random. `outcome` is SQL of the target as a number.
 */
export async function proposeSplit(
  session: AnalyticsSession,
  rows: string,
  {
    time,
    target,
    outcome,
    evidence,
  }: {
    time: TimeColumn | undefined
    target: ColumnEvidence
    outcome: string | undefined
    evidence: Evidence
  },
): Promise<SplitProposal> {
  const byTime =
    time && time.name !== target.name ? await splitByTime(session, rows, time, outcome) : undefined
  if (byTime) return byTime
  const group = groupOf(evidence, target, time)
  if (group) {
    const { name, distinct, known } = group
    return {
      by: 'group',
      column: name,
      cutMs: undefined,
      holdoutDays: undefined,
      isTime: false,
      reason: `there is no time to split by, and ${amount(known)} rows share about ${amount(distinct)} values of ${name}: rows of one ${name} are alike, so all of them go to one side`,
    }
  }
  const why = time ? 'the times span too few days' : 'no column has a time in every row'
  return {
    by: 'random',
    column: undefined,
    cutMs: undefined,
    holdoutDays: undefined,
    isTime: false,
    reason: `${why}, and no column looks like a group whose rows are alike; a fifth at random${target.values.length > 1 ? `, in each value of ${target.name}` : ''}`,
  }
}

/** Whole days from the end until they have a fifth of the rows. */
async function splitByTime(
  session: AnalyticsSession,
  rows: string,
  time: TimeColumn,
  outcome: string | undefined,
): Promise<SplitProposal | undefined> {
  const days = await session.query(
    `SELECT epoch_ms(date_trunc('day', ${timeSql(time)})) AS day, count(*) AS n, ${outcome ? `avg(${outcome})` : 'NULL'} AS mean
     FROM ${rows} GROUP BY 1 ORDER BY 1`,
  )
  if (days.length < FEWEST_DAYS) return undefined
  const counts = days.map(({ n }) => Number(n))
  const total = sum(counts)
  let first = days.length
  while (first > 1 && sum(counts.slice(first)) < TEST_SHARE * total) first--
  const [before, after] = [days.slice(0, first), days.slice(first)]
  const side = (part: typeof days): string => {
    const n = sum(part.map((day) => Number(day['n'])))
    const known = part.filter(({ mean }) => mean !== null)
    const mean =
      sum(known.map((day) => Number(day['mean']) * Number(day['n']))) /
      sum(known.map((day) => Number(day['n'])))
    return `${amount(n)} rows in ${amount(part.length)} days${outcome && known.length > 0 ? ` (mean ${decimal(mean)})` : ''}`
  }
  const cutMs = Number(after[0]!['day'])
  const holdoutDays = Math.max(1, after.length)
  return {
    by: 'time',
    column: time.name,
    cutMs,
    holdoutDays,
    isTime: time.format === undefined,
    reason: `${time.format === undefined ? '' : `${time.name} is text, read as ${time.format}; `}train on ${side(before)} before ${dayText(cutMs)}, test on ${side(after)} from then on, ${percent(sum(after.map((day) => Number(day['n']))) / total)} of the rows`,
  }
}

/** A column that names what rows belong to: many values, several rows each. */
function groupOf(
  { rows, columns }: Evidence,
  target: ColumnEvidence,
  time: TimeColumn | undefined,
): ColumnEvidence | undefined {
  return columns
    .filter(({ name, kind, type, distinct, known }) => {
      const isNamed =
        kind === 'category' || (type === 'BIGINT' && /(^|[^a-z])(id|key|no|number|code)$/i.test(name))
      return (
        name !== target.name &&
        name !== time?.name &&
        isNamed &&
        distinct >= FEWEST_GROUPS &&
        distinct <= rows / 2 &&
        known > 0.9 * rows
      )
    })
    .toSorted((a, b) => b.distinct - a.distinct)[0]
}

export function dayText(ms: number): string {
  return new Date(ms - (ms % DAY_MS)).toISOString().slice(0, 10)
}
