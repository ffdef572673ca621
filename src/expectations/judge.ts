import { amount } from '../kernel/amount.ts'
import type { Check } from './compile.ts'
import type { Expectation } from './definition.ts'
import { wrongColumns } from './needs.ts'
import type { CheckResult } from './schema.ts'
import type { ArrivingFile } from './validation.ts'

export const SHOWN_ROWS = 5

interface Measured {
  file: Pick<ArrivingFile, 'path' | 'columns'>
  rows: number
  /** How many rows fail, or what was measured. */
  value: number | null
  failingRows: readonly number[]
  problem?: string
}

/** What a check says about one file. */
export function judge(check: Check, measured: Measured): CheckResult {
  const { file, rows, value } = measured
  const head = {
    check: check.expectation.check,
    key: check.key,
    column: columnOf(check.expectation),
    title: check.title,
    severity: check.severity,
    file: file.path,
    rows,
    failing: null,
    failingRows: [],
    observed: null,
    expected: null,
    against: check.against,
  }
  const problem =
    'refused' in check
      ? check.refused
      : 'columns' in check
        ? wrongColumns(check.columns, file.columns)
        : measured.problem
  if (problem !== undefined) return { ...head, passed: false, message: `${file.path}: ${problem}` }
  if ('columns' in check) return { ...head, passed: true, message: '' }
  if ('missing' in check) return { ...head, passed: true, message: `${file.path}: ${check.missing}` }
  if ('measure' in check) {
    const { min = null, max = null } = check
    const passed = isWithin(value, { min, max })
    const message = passed ? '' : `${file.path}: expected ${check.title}, found ${value ?? 'no value'}`
    return { ...head, passed, observed: value, expected: { min, max }, message }
  }
  return { ...head, ...judgeRows(check, measured) }
}

function judgeRows(
  { expectation, phrase }: Check,
  { file, rows, value, failingRows }: Measured,
): Pick<CheckResult, 'passed' | 'failing' | 'failingRows' | 'message'> {
  const failing = value ?? 0
  const shown = failingRows.slice(0, SHOWN_ROWS)
  const named =
    shown.length === 0
      ? ''
      : ` (${shown.length === 1 ? 'row' : 'rows'} ${shown.join(', ')}${failing > shown.length ? ', …' : ''})`
  return {
    passed: failing === 0 || isTolerated(expectation, failing, rows),
    failing,
    failingRows: shown,
    message:
      failing === 0 ? '' : `${amount(failing)} of ${amount(rows)} rows in ${file.path} ${phrase}${named}`,
  }
}

/** A file without rows has counts of 0 and nothing to measure: only what is about its columns and its rows is judged. */
export function judgeEmpty(check: Check, file: Measured['file']): CheckResult[] {
  const { check: kind } = check.expectation
  const about = 'refused' in check || ['columns', 'rowCount', 'rowCountChange', 'freshness'].includes(kind)
  const value = kind === 'freshness' ? null : 0
  return about ? [judge(check, { file, rows: 0, value, failingRows: [] })] : []
}

export function isWithin(
  value: number | null,
  { min, max }: { min: number | null; max: number | null },
): boolean {
  return value !== null && value >= (min ?? -Infinity) && value <= (max ?? Infinity)
}

function isTolerated(expectation: Expectation, failing: number, rows: number): boolean {
  if (!('maxCount' in expectation || 'maxShare' in expectation)) return false
  const { maxCount, maxShare } = expectation
  if (maxCount === undefined && maxShare === undefined) return false
  return failing <= (maxCount ?? Infinity) && failing <= (maxShare ?? Infinity) * rows
}

/** A number as sentences have it. */
export function shown(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return amount(Math.round(value))
  return String(Number(value.toPrecision(3)))
}

/** The column that an expectation is about, where it is about one. */
export function columnOf(e: Expectation): string | null {
  if ('column' in e) return e.column
  return (e.check === 'unique' || e.check === 'references') && e.columns.length === 1 ? e.columns[0]! : null
}
