import type { Context } from '../http/context.ts'
import type { Delivery } from '../expectations/expectations.ts'
import type { Column } from '../sources/schema.ts'
import type { ValidationReport } from './schema.ts'
import { findReportSubject } from './store.ts'
import { listDeliveries } from './store-checks.ts'

/** What a report is about. */
export interface ReportSubject {
  dataset: string
  /** The version that came of it; null when nothing was ingested. */
  version: { id: string; number: number; schema: Column[] } | null
  /** What the rows that arrived were like; unknown when nothing was ingested, and of old versions. */
  delivery: Delivery | null
}

export async function reportSubject(
  { db }: Pick<Context, 'db'>,
  report: Pick<ValidationReport, 'id' | 'datasetId'>,
): Promise<ReportSubject> {
  const { dataset, version } = await findReportSubject(db.read, report)
  const [delivery] = version ? await listDeliveries(db.read, report.datasetId, version.number) : []
  return { dataset, version, delivery: delivery ?? null }
}
