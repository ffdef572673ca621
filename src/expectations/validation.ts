import { quoteLiteral, type AnalyticsRow, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Column } from '../sources/schema.ts'
import { compileExpectation, type Check, type CompileContext, type ScanContext } from './compile.ts'
import { foldQuery, refuseUnreadable, runQueries, type QueryOutcome } from './custom-sql.ts'
import { isOfDelivery, type Expectation } from './definition.ts'
import { checkKeys } from './describe.ts'
import { findFailingRows } from './failing-rows.ts'
import { judge, judgeEmpty } from './judge.ts'
import { aggregatedFile, countInOneScan, findShownRows } from './one-scan.ts'
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
 * condition on a row, one query for each other custom SQL and file, and two more for the failing rows only when something
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
  for (const check of compileAll(expectations, { ...context, arriving, file: aggregatedFile(parts) }))
    compiled.push(await foldQuery(session, arriving, await refuseUnreadable(session, arriving, check)))
  for (const check of compiled) if ('prepare' in check) await check.prepare?.(session)
  const scan = { arriving, parts, time: context.time }
  const { counted, checks } = await countInOneScan(session, scan, compiled)
  const shown = await findShownRows(session, scan, checks, counted)
  const outcomes = await runQueries(session, parts, checks, scanOf)
  const facts: FileFacts[] = []
  const results: CheckResult[] = []
  for (const file of files) {
    // A file without rows has no group in the scan.
    const row = counted.get(file.part)
    facts.push({
      path: file.path,
      rows: row === undefined ? 0 : Number(row['__rows']),
      minTimeMs: numberOrNull(row?.['__min']),
      maxTimeMs: numberOrNull(row?.['__max']),
    })
    results.push(...judgeFile(file, row, checks, { outcomes, shown }))
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
  row: AnalyticsRow | undefined,
  checks: readonly Check[],
  { outcomes, shown }: { outcomes: readonly QueryOutcome[]; shown: ReadonlyMap<string, AnalyticsRow> },
): CheckResult[] {
  if (row === undefined) return checks.flatMap((check) => judgeEmpty(check, file))
  return checks.map((check, index) => {
    const outcome = outcomes.find(({ key, part }) => key === check.key && part === file.part)
    const value = numberOrNull(row[`value_${index}`])
    const failingRows = (shown.get(file.part)?.[`rows_${index}`] ?? []) as number[]
    return judge(check, { file, rows: Number(row['__rows']), value, failingRows, ...outcome })
  })
}

function compileAll(expectations: readonly Expectation[], context: ScanContext): Check[] {
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

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}
