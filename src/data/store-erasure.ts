import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type {
  DatasetDeliveryRow,
  DatasetPushRow,
  DatasetRedactionRow,
  DatasetVersionRow,
  ValidationReportRow,
} from './tables.ts'

/** Versions of a dataset, oldest first. */
export async function listVersionsOldestFirst(
  at: Queryable,
  datasetId: string,
): Promise<DatasetVersionRow[]> {
  return await at
    .selectFrom('dataset_version')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .orderBy('number')
    .execute()
}

export async function updateRedacted(
  trx: Trx,
  id: string,
  version: Partial<DatasetVersionRow>,
): Promise<void> {
  await trx.updateTable('dataset_version').set(version).where('id', '=', id).execute()
}

export async function insertRedaction(trx: Trx, row: DatasetRedactionRow): Promise<void> {
  await trx.insertInto('dataset_redaction').values(row).execute()
}

export async function listRedactions(at: Queryable, versionId: string) {
  const rows = await at
    .selectFrom('dataset_redaction')
    .selectAll()
    .where('version_id', '=', versionId)
    .orderBy('created_ms')
    .execute()
  return rows.map((row) => ({
    erasureId: row.erasure_id,
    removedRows: row.removed_rows,
    manifestSha256: row.manifest_sha256,
    contentHash: row.content_hash,
    atMs: row.created_ms,
  }))
}

/** Ids of the versions that an erasure took rows out of. */
export async function listRedactedVersions(at: Queryable, erasureId: string): Promise<string[]> {
  const rows = await at
    .selectFrom('dataset_redaction')
    .select('version_id')
    .where('erasure_id', '=', erasureId)
    .where('removed_rows', '>', 0)
    .execute()
  return rows.map((row) => row.version_id)
}

interface Replacement {
  sha256: string
  sizeBytes: number
  rows: number
  minTimeMs: number | null
  maxTimeMs: number | null
}

export async function updatePart(
  trx: Trx,
  { datasetId, before, after }: { datasetId: string; before: string; after: Replacement },
): Promise<void> {
  await trx
    .updateTable('dataset_part')
    .set({
      sha256: after.sha256,
      size_bytes: after.sizeBytes,
      rows: after.rows,
      min_time_ms: after.minTimeMs,
      max_time_ms: after.maxTimeMs,
    })
    .where('dataset_id', '=', datasetId)
    .where('sha256', '=', before)
    .execute()
}

export async function listPushes(at: Queryable, datasetId: string): Promise<DatasetPushRow[]> {
  return await at.selectFrom('dataset_push').selectAll().where('dataset_id', '=', datasetId).execute()
}

export async function updatePush(
  trx: Trx,
  { datasetId, before, after }: { datasetId: string; before: string; after: Replacement },
): Promise<void> {
  await trx
    .updateTable('dataset_push')
    .set({ sha256: after.sha256, size_bytes: after.sizeBytes, rows: after.rows })
    .where('dataset_id', '=', datasetId)
    .where('sha256', '=', before)
    .execute()
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

export async function listDeliveries(at: Queryable, datasetId: string): Promise<DatasetDeliveryRow[]> {
  return await at.selectFrom('dataset_delivery').selectAll().where('dataset_id', '=', datasetId).execute()
}

export async function updateDelivery(
  trx: Trx,
  { dataset_id, version_number }: DatasetDeliveryRow,
  columnsJson: string,
): Promise<void> {
  await trx
    .updateTable('dataset_delivery')
    .set({ columns_json: columnsJson })
    .where('dataset_id', '=', dataset_id)
    .where('version_number', '=', version_number)
    .execute()
}

/** Strikes a value out of what checks said. */
export async function updateCheckMessages(trx: Trx, datasetId: string, value: string): Promise<void> {
  await trx
    .updateTable('check_result')
    .set({ message: sql<string>`replace(message, ${value}, '(erased)')` })
    .where('dataset_id', '=', datasetId)
    .where(sql<boolean>`message like ${`%${value.replaceAll(/[\\%_]/g, '_')}%`}`)
    .execute()
}
