import { listDatasets } from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { findLatestReport } from '../reports/reports.ts'
import type { ValidationReport } from '../reports/schema.ts'

export interface RefusedDataset {
  dataset: string
  report: ValidationReport
}

/** Datasets whose newest delivery was refused: nothing of it is in a version until somebody mends the file or the check. */
export async function listRefusedDatasets(
  { db }: Pick<Context, 'db'>,
  projectId: string,
): Promise<RefusedDataset[]> {
  const declared = (await listDatasets(db.read, projectId)).filter(({ declared: is }) => is)
  const newest = await Promise.all(
    declared.map(async ({ id, name }) => ({ dataset: name, report: await findLatestReport(db.read, id) })),
  )
  return newest.flatMap(({ dataset, report }) => (report?.verdict === 'failed' ? [{ dataset, report }] : []))
}
