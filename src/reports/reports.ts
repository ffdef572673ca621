import type { FailingRow } from '../expectations/schema.ts'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import type { ValidationReport } from './schema.ts'
import { findReport } from './store.ts'

export { eraseFromDeliveries, eraseFromReports } from './erase.ts'
export { foldResults } from './history.ts'
export { recordDelivery, recordReport } from './record.ts'
export { listArrivals, listDeliveries, listFailing } from './store-checks.ts'
export { findLatestReport, referencedBlobs } from './store.ts'
export { reportSubject, type ReportSubject } from './subject.ts'

export async function getReport(
  { db }: Pick<Context, 'db'>,
  { projectId, id }: { projectId: string; id: string },
): Promise<ValidationReport> {
  const report = await findReport(db.read, projectId, id)
  if (!report) throw new AppError('not_found', `There is no validation report ${id}`)
  return report
}

/** The rows that failed, at most 1,000, their values as text. */
export async function failingRows(
  { artifacts }: Pick<Context, 'artifacts'>,
  report: Pick<ValidationReport, 'failingRowsSha256'>,
): Promise<FailingRow[]> {
  if (report.failingRowsSha256 === null) return []
  const bytes = await artifacts.bytes(report.failingRowsSha256)
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as FailingRow[]
}
