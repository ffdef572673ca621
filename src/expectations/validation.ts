import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Column } from '../sources/schema.ts'
import { compileExpectation, type Check, type CompileContext } from './compile.ts'
import { foldQuery, refuseUnreadable, runQueries, type QueryOutcome } from './custom-sql.ts'
import { isOfDelivery, type Expectation } from './definition.ts'
import { checkKeys } from './describe.ts'
import { findFailingRows } from './failing-rows.ts'
import { judge, judgeEmpty, SHOWN_ROWS } from './judge.ts'
import type { CheckResult, FailingRow } from './schema.ts'

export interface ArrivingFile {
  /** As the source names it. */
  path: string
  /** Where its part is. */
  part: string
  columns: readonly Column[]
}

interface FileFacts {
  path: string
  rows: number
  minTimeMs: number | null
  maxTimeMs: number | null
}

export interface Validation {
  files: FileFacts[]
  results: CheckResult[]
  failingRows: FailingRow[]
}

/**
 * Holds arriving files against expectations, each file by itself: one scan for everything that is an aggregate or a
 * condition on a row, one query for each other custom SQL and file, and one for the failing rows only when something
 * failed. Checks on what arrives as a whole are left to `judgeDelivery`.
 */
export async function validate(
  session: AnalyticsSession,
  files: readonly ArrivingFile[],
  expectations: readonly Expectation[],
  context: CompileContext,
): Promise<Validation> {
  if (files.length === 0) return { files: [], results: [], failingRows: [] }
  const parts = [...new Set(files.map(({ part }) => part))]
  const arriving = scanOf(parts)
  const compiled: Check[] = []
  for (const check of compileAll(expectations, { ...context, arriving }))
    compiled.push(await foldQuery(session, arriving, await refuseUnreadable(session, arriving, check)))
  for (const check of compiled) if ('prepare' in check) await check.prepare?.(session)
  const { rows: measured, checks } = await measure(session, arriving, compiled, context.time)
  const outcomes = await runQueries(session, parts, checks, scanOf)
  const facts: FileFacts[] = []
  const results: CheckResult[] = []
  for (const file of files) {
    // A file without rows has no group in the scan.
    const row = measured.find((found) => found['__file'] === file.part)
    facts.push({
      path: file.path,
      rows: row === undefined ? 0 : Number(row['__rows']),
      minTimeMs: numberOrNull(row?.['__min']),
      maxTimeMs: numberOrNull(row?.['__max']),
    })
    results.push(...judgeFile(file, row, checks, outcomes))
  }
  if (results.every((result) => result.passed || result.failing === null))
    return { files: facts, results, failingRows: [] }
  const failingRows = await findFailingRows(session, {
    arriving,
    checks,
    outcomes,
    files,
    columns: context.columns,
  })
  return { files: facts, results, failingRows }
}

function judgeFile(
  file: ArrivingFile,
  row: Record<string, unknown> | undefined,
  checks: readonly Check[],
  outcomes: readonly QueryOutcome[],
): CheckResult[] {
  if (row === undefined) return checks.flatMap((check) => judgeEmpty(check, file))
  return checks.map((check, index) => {
    const outcome = outcomes.find(({ key, part }) => key === check.key && part === file.part)
    const value = numberOrNull(row[`value_${index}`])
    const failingRows = (row[`rows_${index}`] ?? []) as number[]
    return judge(check, { file, rows: Number(row['__rows']), value, failingRows, ...outcome })
  })
}

function compileAll(
  expectations: readonly Expectation[],
  context: CompileContext & { arriving: string },
): Check[] {
  const all = withTime(expectations, context.time)
  const keys = checkKeys(all)
  return all.flatMap((expectation, index) =>
    isOfDelivery(expectation) ? [] : [compileExpectation(expectation, { index, key: keys[index]! }, context)],
  )
}

/** A dataset's time is never null: a row without one could never be joined. */
function withTime(expectations: readonly Expectation[], time: string | undefined): readonly Expectation[] {
  if (time === undefined || expectations.some((e) => e.check === 'notNull' && e.column === time))
    return expectations
  return [{ check: 'notNull', column: time, severity: 'error' }, ...expectations]
}

function scanOf(parts: readonly string[]): string {
  return `read_parquet([${parts.map(quoteLiteral).join(', ')}], union_by_name = true, filename = '__file', file_row_number = true)`
}

/** All checks in one scan. When it fails, each is tried by itself, and those that can't be computed are refused. */
async function measure(
  session: AnalyticsSession,
  scan: string,
  checks: readonly Check[],
  time: string | undefined,
): Promise<{ rows: Record<string, unknown>[]; checks: readonly Check[] }> {
  try {
    return { rows: await session.query(aggregateSql(scan, checks, time)), checks }
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'invalid')) throw error
  }
  const settled: Check[] = []
  for (const check of checks) {
    try {
      await session.query(aggregateSql(scan, [check], time))
      settled.push(check)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'invalid')) throw error
      const { key, title, phrase, severity, expectation, against } = check
      const [reason] = error.message.split('\n')
      settled.push({
        key,
        title,
        phrase,
        severity,
        expectation,
        against,
        refused: `it can't be computed: ${reason}`,
      })
    }
  }
  return { rows: await session.query(aggregateSql(scan, settled, time)), checks: settled }
}

function aggregateSql(scan: string, checks: readonly Check[], time: string | undefined): string {
  const bounds =
    time === undefined
      ? []
      : [`epoch_ms(min(${quoteIdentifier(time)})) AS __min, epoch_ms(max(${quoteIdentifier(time)})) AS __max`]
  const aggregates = checks.flatMap((check, index) => {
    if ('bad' in check) {
      return [
        `count(*) FILTER (WHERE ${check.bad}) AS value_${index}`,
        `min(file_row_number + 1, ${SHOWN_ROWS}) FILTER (WHERE ${check.bad}) AS rows_${index}`,
      ]
    }
    return 'measure' in check ? [`CAST(${check.measure} AS DOUBLE) AS value_${index}`] : []
  })
  return `SELECT __file, ${['count(*) AS __rows', ...bounds, ...aggregates].join(', ')} FROM ${scan} GROUP BY __file ORDER BY __file`
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}
