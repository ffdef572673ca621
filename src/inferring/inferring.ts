import { amount } from '../kernel/amount.ts'
import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Column } from '../sources/schema.ts'
import { isKnownAfterwards } from './leaks.ts'
import { gatherEvidence, rowsOf, type ColumnEvidence, type Evidence } from './evidence.ts'
import {
  proposeAnomalies,
  proposeColumn,
  proposeDuplicates,
  proposePairs,
  proposeTable,
  type Proposal,
} from './proposals.ts'
import { shapesOf, type TextShape } from './texts.ts'
import { studyTarget, type TargetStudy } from './target.ts'

export { inferredCode } from './code.ts'

/** Rows in Parquet parts. */
export interface Rows {
  parts: readonly string[]
  columns: readonly Column[]
}

export interface Inferred {
  evidence: Evidence
  /** The column that a dataset of these rows would have as its `time`. */
  time: ColumnEvidence | undefined
  table: Proposal[]
  /** `note` is what a person should know of a column beside what is proposed. */
  columns: { column: ColumnEvidence; note: string | undefined; proposals: Proposal[] }[]
  rest: Proposal[]
  target: TargetStudy | undefined
}

/** What the rows are likely meant to be; with `target` also what could predict that column, and what would be cheating. */
export async function infer(
  session: AnalyticsSession,
  { parts, columns }: Rows,
  { target }: { target?: string | undefined } = {},
): Promise<Inferred> {
  const rows = rowsOf(parts, columns)
  const evidence = await gatherEvidence(session, rows, columns)
  const shapes = await shapesOf(session, rows, evidence.columns)
  const time = timeOf(evidence)
  const written = evidence.columns.find(
    ({ name, nulls }) => nulls === 0 && shapes.get(name)?.timeFormat !== undefined,
  )
  return {
    evidence,
    time,
    table: proposeTable(evidence),
    columns: evidence.columns.map((column) => ({
      column,
      note: noteOn(column, shapes.get(column.name)),
      proposals: proposeColumn(column, shapes.get(column.name), evidence),
    })),
    rest: [
      ...(await proposePairs(session, rows, evidence)),
      ...(await proposeDuplicates(session, rows, evidence)),
      ...proposeAnomalies(evidence),
    ],
    target:
      target === undefined
        ? undefined
        : await studyTarget(session, rows, {
            evidence,
            target,
            time: time && { name: time.name, format: undefined },
            written: written && { name: written.name, format: shapes.get(written.name)!.timeFormat },
          }),
  }
}

/** Of the columns with a time in every row, the one that is most likely the time of the row: by its name, its order, and how many rows it tells apart. */
function timeOf({ columns }: Evidence): ColumnEvidence | undefined {
  const likely = ({ name, rises }: ColumnEvidence): number =>
    (isKnownAfterwards(name) || /birth|expir|updat|modif/i.test(name) ? -2 : 0) +
    (/^(date|time|timestamp|ts|created|event|occurred|start)/i.test(name) ? 1 : 0) +
    (rises ? 1 : 0)
  return columns
    .filter(({ kind, nulls, known }) => kind === 'timestamp' && nulls === 0 && known > 0)
    .toSorted((a, b) => likely(b) - likely(a) || b.distinct - a.distinct)[0]
}

function noteOn({ known }: ColumnEvidence, shape: TextShape | undefined): string | undefined {
  if (known === 0) return 'no row has a value'
  return shape?.timeFormat === undefined
    ? undefined
    : `all ${amount(known)} texts are times written as ${shape.timeFormat}; as 2001-02-28 or 2001-02-28 10:00 they would be read as times`
}
