import type { Delivery } from '../expectations/expectations.ts'
import { canonicalJson } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { encodeColumns } from './delivery-columns.ts'
import { foldResults } from './history.ts'
import type { ValidationReport } from './schema.ts'
import { insertCheckResults, insertDelivery } from './store-checks.ts'
import { insertReport } from './store.ts'
import type { CheckResultRow } from './tables.ts'

/** Where a report belongs. `version` is the number of the one that came of it; null when nothing was ingested. */
interface Place {
  projectId: string
  version: number | null
}

/** Stores a report, and what each check said for its history. */
export async function recordReport(trx: Trx, report: ValidationReport, place: Place): Promise<void> {
  await insertReport(trx, {
    id: report.id,
    project_id: place.projectId,
    dataset_id: report.datasetId,
    verdict: report.verdict,
    sentence: report.sentence,
    rows: report.rows,
    results_json: canonicalJson(report.results),
    files_json: canonicalJson(report.files),
    failing_rows_sha256: report.failingRowsSha256,
    created_ms: report.createdMs,
  })
  await insertCheckResults(trx, toCheckRows(report, place))
}

/** Remembers what the rows of a version were like when they arrived, for checks that look back. */
export async function recordDelivery(
  trx: Trx,
  { projectId, datasetId, version }: { projectId: string; datasetId: string; version: number },
  { rows, newestMs, arrivedMs, columns }: Delivery,
): Promise<void> {
  await insertDelivery(trx, {
    dataset_id: datasetId,
    version_number: version,
    project_id: projectId,
    rows,
    newest_ms: newestMs,
    arrived_ms: arrivedMs,
    columns_json: encodeColumns(columns),
  })
}

function toCheckRows(
  report: Pick<ValidationReport, 'id' | 'datasetId' | 'results' | 'createdMs'>,
  { projectId, version }: Place,
): CheckResultRow[] {
  return foldResults(report.results).map(({ key, told, files, rows, failing, observed }) => ({
    report_id: report.id,
    check_key: key,
    project_id: projectId,
    dataset_id: report.datasetId,
    check_kind: told.check,
    title: told.title,
    severity: told.severity,
    passed: told.passed ? 1 : 0,
    message: told.message,
    files,
    rows,
    failing,
    observed_min: observed?.min ?? null,
    observed_max: observed?.max ?? null,
    expected_min: told.expected?.min ?? null,
    expected_max: told.expected?.max ?? null,
    version_number: version,
    created_ms: report.createdMs,
  }))
}
