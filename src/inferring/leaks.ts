import { amount } from '../kernel/amount.ts'
import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ColumnEvidence, Evidence } from './evidence.ts'
import { timeSql, type TimeColumn } from './split.ts'
import { percent } from './literal.ts'
import { powerOf, type Power } from './one-column.ts'
import type { Task } from './task.ts'

interface Suspect {
  column: string
  /** `leak`: it must not be used; `doubt`: a person has to know when its value is known. */
  verdict: 'leak' | 'doubt'
  reasons: string[]
}

export interface LeakStudy {
  suspects: Suspect[]
  /** Every column that could be a feature, the strongest first. */
  powers: { column: string; power: Power }[]
}

/** Above the first a column predicts too well to be true, above the second it asks for a look. */
const TOO_WELL: Readonly<Record<Power['measure'], readonly [number, number]>> = {
  AUC: [0.98, 0.9],
  'R²': [0.95, 0.8],
  'errors avoided': [0.95, 0.8],
}
const SAME = 0.98
const IDENTIFIER_SHARE = 0.95
const AFTERWARDS =
  /(^|[^a-z])(actual|arriv(al|ed)|outcome|result|final|closed?|resolved?|resolution|end(ed)?|finish(ed)?|completed?|cancell?(ed)?|refund(ed)?|chargeback|settled?|paid|returned|churn(ed)?|delivered|discharge|after|post)([^a-z]|$)/i

/** Columns that seem to know the target: by what they predict alone, by their names, by their times, or as another form of it. */
export async function suspectLeaks(
  session: AnalyticsSession,
  sample: string,
  {
    evidence,
    target,
    time,
    task,
    outcome,
  }: {
    evidence: Evidence
    target: ColumnEvidence
    time: TimeColumn | undefined
    task: Task
    outcome: string
  },
): Promise<LeakStudy> {
  const suspects: Suspect[] = []
  const powers: LeakStudy['powers'] = []
  for (const column of evidence.columns) {
    if (column.name === target.name || column.known === 0) continue
    const findings: { verdict: Suspect['verdict']; reason: string }[] = []
    if (isIdentifier(column)) {
      findings.push({
        verdict: 'leak',
        reason: `an id: ${column.isKey ? 'each of its values is its own' : 'nearly each of its values is its own'}, so a model could only remember rows`,
      })
    } else if (column.name !== time?.name) {
      const power = await powerOf(session, sample, { column, task, outcome })
      powers.push({ column: column.name, power })
      findings.push(...tooWell(power))
      findings.push(...(await likeTarget(session, sample, column, target)))
    }
    findings.push(...knownAfterwards(column, target))
    if (time && column.kind === 'timestamp' && column.name !== time.name)
      findings.push(...(await laterThan(session, sample, column, time)))
    if (findings.length > 0) {
      suspects.push({
        column: column.name,
        verdict: findings.some(({ verdict }) => verdict === 'leak') ? 'leak' : 'doubt',
        reasons: findings.map(({ reason }) => reason),
      })
    }
  }
  powers.sort((a, b) => b.power.value - a.power.value)
  return {
    suspects: suspects.toSorted((a, b) => Number(a.verdict === 'doubt') - Number(b.verdict === 'doubt')),
    powers,
  }
}

function tooWell({ measure, value }: Power): { verdict: Suspect['verdict']; reason: string }[] {
  const [leak, doubt] = TOO_WELL[measure]
  if (value < doubt) return []
  const reason = `alone it predicts the target with ${measure} ${value.toFixed(3)}`
  return [{ verdict: value >= leak ? 'leak' : 'doubt', reason }]
}

function isIdentifier({ type, known, distinct, isKey, kind }: ColumnEvidence): boolean {
  if (known < 20 || kind === 'timestamp') return false
  return isKey || (type === 'VARCHAR' && distinct >= IDENTIFIER_SHARE * known)
}

/** Another form of the target: mostly equal, or on a line with it. */
async function likeTarget(
  session: AnalyticsSession,
  sample: string,
  column: ColumnEvidence,
  target: ColumnEvidence,
): Promise<{ verdict: 'leak'; reason: string }[]> {
  const [a, b] = [quoteIdentifier(column.name), quoteIdentifier(target.name)]
  const isNumbers = column.kind === 'number' && target.kind === 'number'
  const line = isNumbers ? `corr(CAST(${a} AS DOUBLE), CAST(${b} AS DOUBLE))` : 'NULL'
  const [found] = await session.query(
    `SELECT count(*) FILTER (WHERE CAST(${a} AS VARCHAR) = CAST(${b} AS VARCHAR)) AS equal, count(*) AS n, ${line} AS line FROM ${sample} WHERE ${a} IS NOT NULL AND ${b} IS NOT NULL`,
  )
  const n = Number(found!['n'])
  if (n < 20) return []
  const equal = Number(found!['equal']) / n
  if (equal >= SAME)
    return [{ verdict: 'leak', reason: `it equals the target in ${percent(equal)} of the rows` }]
  const correlation = Number(found!['line'] ?? 0)
  return Math.abs(correlation) >= SAME
    ? [
        {
          verdict: 'leak',
          reason: `it lies on a line with the target (correlation ${correlation.toFixed(3)})`,
        },
      ]
    : []
}

function knownAfterwards(
  { name }: ColumnEvidence,
  target: ColumnEvidence,
): { verdict: 'doubt'; reason: string }[] {
  const word = afterwards(name)
  const shared = wordsOf(name).filter((each) => each.length > 3 && wordsOf(target.name).includes(each))
  return [
    ...(word
      ? [
          {
            verdict: 'doubt' as const,
            reason: `its name (“${word}”) says that it may be known only after the outcome`,
          },
        ]
      : []),
    ...(shared.length > 0
      ? [{ verdict: 'doubt' as const, reason: `its name shares “${shared.join(' ')}” with the target’s` }]
      : []),
  ]
}

/** The word of a name that says that its value may be known only after the outcome. */
function afterwards(name: string): string | undefined {
  return AFTERWARDS.exec(name.replaceAll(/([a-z])([A-Z])/g, '$1 $2'))?.[2]
}

export function isKnownAfterwards(name: string): boolean {
  return afterwards(name) !== undefined
}

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
}

/** A time after the row's own is known later than the moment of prediction. */
async function laterThan(
  session: AnalyticsSession,
  sample: string,
  column: ColumnEvidence,
  time: TimeColumn,
): Promise<{ verdict: 'doubt'; reason: string }[]> {
  const [a, b] = [quoteIdentifier(column.name), timeSql(time)]
  const [found] = await session.query(
    `SELECT count(*) FILTER (WHERE ${a} > ${b}) AS later, count(${a}) AS n FROM ${sample}`,
  )
  const [later, n] = [Number(found!['later']), Number(found!['n'])]
  return later > 0.5 * n
    ? [
        {
          verdict: 'doubt',
          reason: `it is after ${time.name} in ${amount(later)} of ${amount(n)} rows that were looked at`,
        },
      ]
    : []
}
