import { amount } from '../kernel/amount.ts'
import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import { problem, type ReadProblem, type ReadSource } from './reading.ts'
import type { ColumnType } from './schema.ts'

/** What is done with a column before it is stored. */
export interface ColumnTreatment {
  /** It is read as text, so that what becomes of a value does not depend on the other values of its file. */
  asText: boolean
  /** The type it is stored in, and SQL of the stored value; null when the column is not stored. */
  stored: { type: ColumnType; of: (value: string) => string } | null
  /** A value as a report may show it. */
  show: (value: string) => string
}

export interface Treatments {
  columns: ReadonlyMap<string, ColumnTreatment>
  /** Takes rows out before anything else is done. */
  leaveOut?: { apply(session: AnalyticsSession, source: ReadSource): Promise<ReadSource> }
}

/** The columns of a file as they are stored. A column that is not there, and a value that its treatment can't read, is a problem. */
export async function treat(
  session: AnalyticsSession,
  given: ReadSource,
  { columns: treatments, leaveOut }: Treatments,
): Promise<ReadSource | ReadProblem> {
  const source = leaveOut ? await leaveOut.apply(session, given) : given
  if (treatments.size === 0) return source
  const missing = [...treatments.keys()].filter(
    (name) => !source.columns.some((column) => column.name === name),
  )
  if (missing.length > 0) {
    return problem(
      `${missing.map((name) => `the personal column ${name} is missing`).join('; ')} (the dataset says what to do with it)`,
    )
  }
  const treated: ReadSource = { columns: [], expressions: [], from: source.from }
  const unread: string[] = []
  const names: string[] = []
  for (const [index, column] of source.columns.entries()) {
    const expression = source.expressions[index]!
    const treatment = treatments.get(column.name)
    if (treatment?.stored === null) continue
    treated.columns.push(treatment ? { name: column.name, type: treatment.stored.type } : column)
    const stored = treatment ? treatment.stored.of(expression) : expression
    treated.expressions.push(stored)
    if (!treatment) continue
    names.push(column.name)
    unread.push(
      `count(*) FILTER (WHERE (${expression}) IS NOT NULL AND (${stored}) IS NULL) AS n_${unread.length}`,
    )
  }
  if (treated.columns.length === 0) return problem('the dataset drops every column of it')
  if (unread.length === 0) return treated
  const [row] = await session.query(`SELECT count(*) AS rows, ${unread.join(', ')} FROM ${source.from}`)
  const wrong = names.findIndex((_, index) => Number(row![`n_${index}`]) > 0)
  if (wrong < 0) return treated
  const failing = Number(row![`n_${wrong}`])
  return {
    ...problem(
      `${amount(failing)} of ${amount(Number(row!['rows']))} rows have a value of ${names[wrong]!} that can't be generalised as the dataset says`,
    ),
    rows: Number(row!['rows']),
    failing,
  }
}

/** A row's values as a report may show them. */
export function shownValues(
  values: Readonly<Record<string, string | null>>,
  { columns }: Treatments,
): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, shownValue(name, value, { columns })]),
  )
}

function shownValue(name: string, value: string | null, { columns }: Treatments): string | null {
  const treatment = columns.get(name)
  return treatment && value !== null ? treatment.show(value) : value
}

/** Text of a file that may hold any of its values, such as a line that can't be split. */
export function shownText(text: string, { columns }: Treatments): string {
  return columns.size === 0 ? text : 'not shown, since the dataset has personal columns'
}
