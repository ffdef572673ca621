import { amount } from '../kernel/amount.ts'
import { sum } from '../kernel/sum.ts'
import type { FileProblem } from './arrivals.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import type { ValidationReport } from '../reports/schema.ts'
import type { CheckResult } from '../expectations/schema.ts'
import { type Validation } from '../expectations/expectations.ts'

/** The check of a file that could not be read, and its key. */
export const READABLE = 'readable'

/** A file that could not be read, as the result of a check of its own. */
export function problemResult({ file, message, rows, failing, failingRows }: FileProblem): CheckResult {
  return {
    check: READABLE,
    key: READABLE,
    column: null,
    title: 'the file can be read',
    severity: 'error',
    passed: false,
    file: file.path,
    rows,
    failing,
    failingRows: failingRows.slice(0, 5).map(({ row }) => row),
    observed: null,
    expected: null,
    against: null,
    message: `${file.path}: ${message}`,
  }
}

/** `flights: 37 of 8,412 rows in 2001-05-07.csv have no origin (rows 12, 40, …); nothing was ingested` */
export function describeFailure(dataset: string, failures: readonly CheckResult[]): string {
  const [first, ...others] = failures
  const more =
    others.length === 0
      ? ''
      : ` (and ${others.length} more ${others.length === 1 ? 'check' : 'checks'} failed)`
  return `${dataset}: ${first!.message}${more}; nothing was ingested`
}

export function describeSuccess(
  dataset: string,
  { files, results }: Validation,
): Pick<ValidationReport, 'verdict' | 'sentence'> {
  const warnings = results.filter(({ passed }) => !passed)
  const rows = amount(sum(files.map((file) => file.rows)))
  const arrived = `${rows} rows in ${files.length} ${files.length === 1 ? 'file' : 'files'} were ingested`
  if (warnings.length === 0)
    return { verdict: 'passed', sentence: `${dataset}: ${arrived}; every expectation held` }
  const more = warnings.length === 1 ? '' : ` (and ${warnings.length - 1} more warnings)`
  return { verdict: 'warned', sentence: `${dataset}: ${warnings[0]!.message}${more}; ${arrived}` }
}

/** What is known of what arrived, as a report. `guilty` are the paths that are set aside. */
export function makeReport(
  { clock, ids }: IngestContext,
  { arriving, dataset }: IngestPlan,
  { files, results }: Validation,
  { verdict, sentence }: Pick<ValidationReport, 'verdict' | 'sentence'>,
  guilty: readonly string[],
): ValidationReport {
  return {
    id: ids.uuid(),
    datasetId: dataset.id,
    verdict,
    sentence,
    rows: sum(files.map(({ rows }) => rows)),
    results,
    files: arriving.map(({ path, sha256 }) => ({
      path,
      sha256,
      rows: files.find((file) => file.path === path)?.rows ?? null,
      quarantined: guilty.includes(path),
    })),
    failingRowsSha256: null,
    createdMs: clock.now(),
  }
}
