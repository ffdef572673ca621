import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ColumnEvidence, Evidence } from './evidence.ts'
import { suspectLeaks, type LeakStudy } from './leaks.ts'
import { proposeSplit, type SplitProposal, type TimeColumn } from './split.ts'
import { proposeTask, type TaskProposal } from './task.ts'

export interface TargetStudy extends LeakStudy {
  target: string
  task: TaskProposal
  split: SplitProposal
  /** Rows that leaks were looked for in. */
  sampled: number
}

const SAMPLE = 300_000

/** What predicting a column asks for. Throws `invalid` for a column that is not there, or whose values are all the same. */
export async function studyTarget(
  session: AnalyticsSession,
  rows: string,
  {
    evidence,
    time: read,
    written,
    target: name,
  }: { evidence: Evidence; time: TimeColumn | undefined; written: TimeColumn | undefined; target: string },
): Promise<TargetStudy> {
  const target = evidence.columns.find((column) => column.name === name)
  if (!target) {
    const names = evidence.columns.map((column) => column.name).join(', ')
    throw new AppError('invalid', `There is no column ${name} to predict. Columns: ${names}`)
  }
  if (target.kind === 'timestamp' || target.kind === 'other')
    throw new AppError('invalid', `${name} is ${target.type}: a number or a category can be predicted`)
  if (target.distinct < 2) throw new AppError('invalid', `${name} has the same value in every row`)
  const time = [read, written].find((column) => column && column.name !== name)
  const task = await proposeTask(session, rows, { target, time, evidence })
  const number = numberOf(target, task)
  const split = await proposeSplit(session, rows, { time, target, outcome: number, evidence })
  await session.execute(
    `CREATE OR REPLACE TEMP TABLE __sample AS SELECT * EXCLUDE (__file, file_index, file_row_number), hash(__file, file_row_number) % 2 AS __half
     FROM ${rows} WHERE ${quoteIdentifier(name)} IS NOT NULL USING SAMPLE reservoir(${SAMPLE} ROWS) REPEATABLE (1)`,
  )
  const outcome = number ?? `CAST(${quoteIdentifier(name)} AS VARCHAR)`
  const leaks = await suspectLeaks(session, '__sample', { evidence, target, time, task: task.task, outcome })
  return { target: name, task, split, sampled: Math.min(SAMPLE, target.known), ...leaks }
}

/** SQL of the target as a number; undefined for classes. */
function numberOf({ name }: ColumnEvidence, { task, positive }: TaskProposal): string | undefined {
  const column = quoteIdentifier(name)
  if (task === 'multiclass') return undefined
  return task === 'binary'
    ? `CASE WHEN CAST(${column} AS VARCHAR) = ${quoteLiteral(positive!)} THEN 1.0 WHEN ${column} IS NOT NULL THEN 0.0 END`
    : `CASE WHEN isfinite(CAST(${column} AS DOUBLE)) THEN CAST(${column} AS DOUBLE) END`
}
