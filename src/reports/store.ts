import type { Insertable } from 'kysely'
import { z } from 'zod'
import { checkResult } from '../expectations/schema.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Column } from '../sources/schema.ts'
import type { ValidationReport } from './schema.ts'
import type { ValidationReportRow } from './tables.ts'

export async function insertReport(trx: Trx, row: Insertable<ValidationReportRow>): Promise<void> {
  await trx.insertInto('validation_report').values(row).execute()
}

export async function findReport(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<ValidationReport | undefined> {
  const row = await at
    .selectFrom('validation_report')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row && toReport(row)
}

/** The dataset and the version of a report. */
export async function findReportSubject(
  at: Queryable,
  { id, datasetId }: Pick<ValidationReport, 'id' | 'datasetId'>,
): Promise<{
  dataset: string
  version: { id: string; number: number; schema: Column[] } | null
}> {
  const row = await at
    .selectFrom('dataset')
    .leftJoin('dataset_version', (join) =>
      join.onRef('dataset_version.dataset_id', '=', 'dataset.id').on('dataset_version.report_id', '=', id),
    )
    .select([
      'dataset.name as dataset',
      'dataset_version.id',
      'dataset_version.number',
      'dataset_version.schema_json',
    ])
    .where('dataset.id', '=', datasetId)
    .executeTakeFirstOrThrow()
  const { dataset, id: versionId, number, schema_json: schema } = row
  return {
    dataset,
    version:
      versionId === null || number === null || schema === null
        ? null
        : { id: versionId, number, schema: JSON.parse(schema) as Column[] },
  }
}

export async function findLatestReport(
  at: Queryable,
  datasetId: string,
): Promise<ValidationReport | undefined> {
  const row = await at
    .selectFrom('validation_report')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && toReport(row)
}

export async function listReportRows(
  at: Queryable,
  datasetId: string,
  { after, limit }: { after: string; limit: number },
): Promise<ValidationReportRow[]> {
  return await at
    .selectFrom('validation_report')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function updateReport(
  trx: Trx,
  id: string,
  report: Pick<ValidationReportRow, 'sentence' | 'results_json' | 'failing_rows_sha256'>,
): Promise<void> {
  await trx.updateTable('validation_report').set(report).where('id', '=', id).execute()
}

/** Every blob of failing rows, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const rows = await at
    .selectFrom('validation_report')
    .select('failing_rows_sha256')
    .where('failing_rows_sha256', 'is not', null)
    .execute()
  return rows.map((row) => row.failing_rows_sha256!)
}

function toReport(row: ValidationReportRow): ValidationReport {
  return {
    id: row.id,
    datasetId: row.dataset_id,
    verdict: row.verdict,
    sentence: row.sentence,
    rows: row.rows,
    results: z.array(checkResult).parse(JSON.parse(row.results_json)),
    files: JSON.parse(row.files_json) as ValidationReport['files'],
    failingRowsSha256: row.failing_rows_sha256,
    createdMs: row.created_ms,
  }
}
