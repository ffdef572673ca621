import { AppError } from '../kernel/errors.ts'
import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Check } from './compile.ts'
import { SHOWN_ROWS } from './judge.ts'

/** What a query of its own said about one file. Its rows are in the temporary table `found`. */
export interface QueryOutcome {
  key: string
  part: string
  value: number
  failingRows: number[]
  found: string
  /** Why it could not be run. */
  problem?: string
}

/** A condition that can't be read over these columns is refused before it spoils the scan of all checks. */
export async function refuseUnreadable(
  session: AnalyticsSession,
  arriving: string,
  check: Check,
): Promise<Check> {
  const { expectation } = check
  if (!('bad' in check) || !('when' in expectation) || expectation.when === undefined) return check
  const reason = await whyUnreadable(session, arriving, expectation.when)
  if (reason === undefined) return check
  const { bad: _, prepare: __, ...head } = check
  return { ...head, refused: `the condition ${expectation.when} can't be read: ${reason}` }
}

const ROW_FILTER = /^\s*select\s+[\w\s,*"]+?\s+from\s+dataset\s+where\s+([\s\S]+?)\s*;?\s*$/i
/** Words that make a query more than a filter of rows, wherever they stand. */
const MORE =
  /\b(select|distinct|group|order|having|limit|offset|qualify|union|except|intersect|over|window|sample)\b|;|--|\/\*/i

/** Custom SQL that only filters rows becomes part of the scan of all checks. */
export async function foldQuery(session: AnalyticsSession, arriving: string, check: Check): Promise<Check> {
  if (!('query' in check)) return check
  const condition = ROW_FILTER.exec(check.query)?.[1]
  if (condition === undefined || MORE.test(check.query.trim().slice('select'.length).replace(/;\s*$/, '')))
    return check
  if ((await whyUnreadable(session, arriving, condition)) !== undefined) return check
  const { query: _, ...head } = check
  return { ...head, bad: `(${condition})` }
}

async function whyUnreadable(
  session: AnalyticsSession,
  arriving: string,
  condition: string,
): Promise<string | undefined> {
  try {
    await session.query(`SELECT 1 FROM ${arriving} WHERE (${condition}) LIMIT 0`)
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

/** Custom SQL that is more than a filter of rows: one query for each file. What it finds may exceed the memory. */
export async function runQueries(
  session: AnalyticsSession,
  parts: readonly string[],
  checks: readonly Check[],
  scanOf: (parts: readonly string[]) => string,
): Promise<QueryOutcome[]> {
  const outcomes: QueryOutcome[] = []
  for (const check of checks) {
    if (!('query' in check)) continue
    for (const part of parts) {
      const found = `__query_${outcomes.length}`
      const base = { key: check.key, part, found }
      try {
        await session.execute(
          `CREATE OR REPLACE TEMP TABLE ${found} AS SELECT * FROM (WITH dataset AS (SELECT * FROM ${scanOf([part])}) SELECT * FROM (${check.query}))`,
        )
        outcomes.push({ ...base, ...(await countFound(session, found)) })
      } catch (error) {
        outcomes.push({ ...base, value: 0, failingRows: [], problem: reasonOf(error) })
      }
    }
  }
  return outcomes
}

async function countFound(
  session: AnalyticsSession,
  table: string,
): Promise<Pick<QueryOutcome, 'value' | 'failingRows'>> {
  const [counted] = await session.query(`SELECT count(*) AS n FROM ${table}`)
  const value = Number(counted!['n'])
  if (value === 0 || !(await namesRows(session, table))) return { value, failingRows: [] }
  const rows = await session.query(
    `SELECT file_row_number + 1 AS row FROM ${table} ORDER BY 1 LIMIT ${SHOWN_ROWS}`,
  )
  return { value, failingRows: rows.map(({ row }) => Number(row)) }
}

/** Whether what a query found has the numbers of the rows. */
export async function namesRows(session: AnalyticsSession, table: string): Promise<boolean> {
  const columns = await session.query(`DESCRIBE ${table}`)
  return columns.some(
    ({ column_name, column_type }) => column_name === 'file_row_number' && column_type === 'BIGINT',
  )
}

/** The first line of what DuckDB said. Other errors are none of the SQL's. */
function reasonOf(error: unknown): string {
  if (error instanceof AppError && error.code === 'invalid') return error.message.split('\n')[0]!
  throw error
}
