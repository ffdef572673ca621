import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { compileExpectation, type Check, type CompileContext } from './compile.ts'
import type { Expectation } from './definition.ts'
import type { CheckResult, FailingRow } from './schema.ts'

export const MAX_FAILING_ROWS = 1_000
const SHOWN_ROWS = 5

export interface ArrivingFile {
  /** As the source names it. */
  path: string
  /** Where its part is. */
  part: string
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
 * Holds arriving files against expectations, each file by itself: one scan for everything that is an aggregate, one
 * query for each custom SQL, and one for the failing rows only when something failed.
 */
export async function validate(
  session: AnalyticsSession,
  files: readonly ArrivingFile[],
  expectations: readonly Expectation[],
  context: CompileContext,
): Promise<Validation> {
  if (files.length === 0) return { files: [], results: [], failingRows: [] }
  const checks = withTime(expectations, context.time).map((expectation, index) =>
    compileExpectation(expectation, index, context),
  )
  const pathOf = new Map(files.map(({ part, path }) => [part, path]))
  const scan = arrivingRows([...pathOf.keys()], checks)
  const rows = await session.query(aggregateSql(scan, checks, context.time))
  const facts: FileFacts[] = []
  const results: CheckResult[] = []
  for (const row of rows) {
    const path = pathOf.get(String(row['__file']))!
    facts.push({
      path,
      rows: Number(row['__rows']),
      minTimeMs: numberOrNull(row['__min']),
      maxTimeMs: numberOrNull(row['__max']),
    })
    for (const [index, check] of checks.entries()) {
      const counted = 'query' in check ? await runQuery(session, String(row['__file']), check.query) : row
      results.push(judge(check, index, path, counted, Number(row['__rows'])))
    }
  }
  // A file without rows has no group in the scan.
  for (const { path } of files) {
    if (facts.some((fact) => fact.path === path)) continue
    facts.push({ path, rows: 0, minTimeMs: null, maxTimeMs: null })
    results.push(...checks.flatMap((check, index) => emptyFile(check, index, path)))
  }
  const failed = results.some((result) => !result.passed && result.failing !== null)
  return {
    files: facts,
    results,
    failingRows: failed ? await findFailingRows(session, scan, checks, context, pathOf) : [],
  }
}

/** A dataset's time is never null: a row without one could never be joined. */
function withTime(expectations: readonly Expectation[], time: string | undefined): readonly Expectation[] {
  if (time === undefined || expectations.some((e) => e.check === 'notNull' && e.column === time))
    return expectations
  return [{ check: 'notNull', column: time, severity: 'error' }, ...expectations]
}

function arrivingRows(parts: readonly string[], checks: readonly Check[]): string {
  const windows = checks.flatMap((check) =>
    'window' in check && check.window ? Object.entries(check.window) : [],
  )
  const extra = windows.map(([name, expression]) => `, ${expression} AS ${name}`).join('')
  return `(SELECT *${extra} FROM ${readParts(parts)})`
}

function readParts(parts: readonly string[]): string {
  return `read_parquet([${parts.map(quoteLiteral).join(', ')}], union_by_name = true, filename = '__file', file_row_number = true)`
}

function aggregateSql(scan: string, checks: readonly Check[], time: string | undefined): string {
  const bounds =
    time === undefined
      ? []
      : [`epoch_ms(min(${quoteIdentifier(time)})) AS __min, epoch_ms(max(${quoteIdentifier(time)})) AS __max`]
  const aggregates = checks.flatMap((check, index) => {
    if ('bad' in check) {
      return [
        `count(*) FILTER (WHERE ${check.bad}) AS bad_${index}`,
        `min(file_row_number + 1, ${SHOWN_ROWS}) FILTER (WHERE ${check.bad}) AS rows_${index}`,
      ]
    }
    return 'measure' in check ? [`CAST(${check.measure} AS DOUBLE) AS bad_${index}`] : []
  })
  return `SELECT __file, ${['count(*) AS __rows', ...bounds, ...aggregates].join(', ')} FROM ${scan} GROUP BY __file ORDER BY __file`
}

async function runQuery(
  session: AnalyticsSession,
  part: string,
  sql: string,
): Promise<Record<string, unknown>> {
  const rows = await session.query(
    `SELECT * FROM (WITH dataset AS (SELECT * FROM ${readParts([part])}) SELECT * FROM (${sql}))`,
  )
  const numbers = rows.map((row) => row['file_row_number']).filter((row) => typeof row === 'number')
  return { bad: rows.length, rows: numbers.map((row) => row + 1).sort((a, b) => a - b) }
}

function judge(
  check: Check,
  index: number,
  path: string,
  row: Record<string, unknown>,
  rows: number,
): CheckResult {
  const head = {
    check: check.expectation.check,
    title: check.title,
    severity: check.severity,
    file: path,
    rows,
  }
  if ('refused' in check) {
    return {
      ...head,
      passed: false,
      failing: null,
      failingRows: [],
      observed: null,
      message: `${path}: ${check.refused}`,
    }
  }
  if ('measure' in check) return judgeMeasure(check, head, row[`bad_${index}`])
  const failing = Number(row['query' in check ? 'bad' : `bad_${index}`])
  const failingRows = (row['query' in check ? 'rows' : `rows_${index}`] ?? []) as number[]
  const passed = failing === 0 || isTolerated(check.expectation, failing, rows)
  const shown = failingRows.slice(0, SHOWN_ROWS)
  const named =
    shown.length === 0
      ? ''
      : ` (${shown.length === 1 ? 'row' : 'rows'} ${shown.join(', ')}${failing > shown.length ? ', …' : ''})`
  const message =
    failing === 0 ? '' : `${amount(failing)} of ${amount(rows)} rows in ${path} ${check.phrase}${named}`
  return { ...head, passed, failing, failingRows: shown, observed: null, message }
}

function judgeMeasure(
  check: Extract<Check, { measure: string }>,
  head: Pick<CheckResult, 'check' | 'title' | 'severity' | 'file' | 'rows'>,
  value: unknown,
): CheckResult {
  const observed = numberOrNull(value)
  const { min = -Infinity, max = Infinity } = check
  const passed = observed !== null && observed >= min && observed <= max
  const message = passed ? '' : `${head.file}: expected ${check.title}, found ${observed ?? 'no value'}`
  return { ...head, passed, failing: null, failingRows: [], observed, message }
}

function isTolerated(expectation: Expectation, failing: number, rows: number): boolean {
  if (!('maxCount' in expectation || 'maxShare' in expectation)) return false
  const { maxCount, maxShare } = expectation
  if (maxCount === undefined && maxShare === undefined) return false
  return failing <= (maxCount ?? Infinity) && failing <= (maxShare ?? Infinity) * rows
}

function emptyFile(check: Check, index: number, path: string): CheckResult[] {
  if ('refused' in check) return [judge(check, index, path, {}, 0)]
  const { check: kind } = check.expectation
  return kind === 'rowCount' || kind === 'freshness'
    ? [judge(check, index, path, { [`bad_${index}`]: kind === 'rowCount' ? 0 : null }, 0)]
    : []
}

async function findFailingRows(
  session: AnalyticsSession,
  scan: string,
  checks: readonly Check[],
  { columns }: CompileContext,
  pathOf: ReadonlyMap<string, string>,
): Promise<FailingRow[]> {
  const rowChecks = checks.filter((check) => 'bad' in check)
  if (rowChecks.length === 0) return []
  const flags = rowChecks.map((check, index) => `coalesce(${check.bad}, false) AS __bad_${index}`)
  const values = columns.map(
    ({ name }) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS ${quoteIdentifier(name)}`,
  )
  const any = rowChecks.map((check) => check.bad).join(' OR ')
  const rows = await session.query(
    `SELECT __file, file_row_number + 1 AS __row, ${[...flags, ...values].join(', ')}
     FROM ${scan} WHERE ${any} ORDER BY __file, file_row_number LIMIT ${MAX_FAILING_ROWS}`,
  )
  return rows.map((row) => ({
    file: pathOf.get(String(row['__file']))!,
    row: Number(row['__row']),
    checks: rowChecks.filter((_, index) => row[`__bad_${index}`] === true).map((check) => check.title),
    values: Object.fromEntries(columns.map(({ name }) => [name, row[name] as string | null])),
  }))
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}

function amount(count: number): string {
  return count.toLocaleString('en-US')
}
