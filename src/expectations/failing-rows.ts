import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Column } from '../sources/schema.ts'
import type { Check } from './compile.ts'
import { namesRows, type QueryOutcome } from './custom-sql.ts'
import type { FailingRow } from './schema.ts'
import type { ArrivingFile } from './validation.ts'

export const MAX_FAILING_ROWS = 1_000

/** The rows that fail any check, with their values as text, in one query. */
export async function findFailingRows(
  session: AnalyticsSession,
  {
    arriving,
    checks,
    outcomes,
    files,
    columns,
  }: {
    arriving: string
    checks: readonly Check[]
    outcomes: readonly QueryOutcome[]
    files: readonly ArrivingFile[]
    columns: readonly Column[]
  },
): Promise<FailingRow[]> {
  const flags = [
    ...checks.flatMap((check) => ('bad' in check ? [{ title: check.title, bad: check.bad }] : [])),
    ...(await queryFlags(session, checks, outcomes)),
  ]
  if (flags.length === 0) return []
  const selected = flags.map(({ bad }, index) => `coalesce(${bad}, false) AS __bad_${index}`)
  const values = columns.map(
    ({ name }) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS ${quoteIdentifier(name)}`,
  )
  const rows = await session.query(
    `SELECT __file, file_row_number + 1 AS __row, ${[...selected, ...values].join(', ')}
     FROM ${arriving} WHERE ${flags.map(({ bad }) => bad).join(' OR ')} ORDER BY __file, file_row_number LIMIT ${MAX_FAILING_ROWS}`,
  )
  const pathOf = new Map(files.map(({ part, path }) => [part, path]))
  return rows.map((row) => ({
    file: pathOf.get(String(row['__file']))!,
    row: Number(row['__row']),
    checks: flags.filter((_, index) => row[`__bad_${index}`] === true).map(({ title }) => title),
    values: Object.fromEntries(columns.map(({ name }) => [name, row[name] as string | null])),
  }))
}

/** Conditions for the rows that custom SQL found, where it names them. */
async function queryFlags(
  session: AnalyticsSession,
  checks: readonly Check[],
  outcomes: readonly QueryOutcome[],
): Promise<{ title: string; bad: string }[]> {
  const flags: { title: string; bad: string }[] = []
  for (const { key, part, value, found, problem } of outcomes) {
    if (value === 0 || problem !== undefined || !(await namesRows(session, found))) continue
    const { title } = checks.find((check) => check.key === key)!
    const file = `__file = '${part.replaceAll("'", "''")}'`
    flags.push({ title, bad: `(${file} AND file_row_number IN (SELECT file_row_number FROM ${found}))` })
  }
  return flags
}
