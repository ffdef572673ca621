import type { CheckResult } from '../expectations/schema.ts'
import type { Context } from '../http/context.ts'
import { listFailing } from '../reports/reports.ts'
import { OVERDUE } from './overdue.ts'
import { READABLE } from './report.ts'

/**
 * Checks that every dataset has are told only when they fail: the delivery after a failure tells of each that holds again, or the failure would be the
 * last word of its history. `failed` are the keys of those that fail now.
 */
export async function recoveredChecks(
  { db }: Pick<Context, 'db'>,
  datasetId: string,
  failed: ReadonlySet<string>,
): Promise<CheckResult[]> {
  const failing = await listFailing(db.read, datasetId, { kinds: [READABLE, 'personal'], keys: [OVERDUE] })
  return failing
    .filter(({ check_key: key }) => !failed.has(key))
    .map(({ check_key: key, check_kind: check, title, severity }) => ({
      check,
      key,
      column: check === 'personal' ? key.slice('personal:'.length) : null,
      title,
      severity,
      passed: true,
      file: null,
      rows: 0,
      failing: null,
      failingRows: [],
      observed: null,
      expected: null,
      against: null,
      message: '',
    }))
}
