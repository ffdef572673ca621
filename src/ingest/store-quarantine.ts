import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DatasetQuarantineRow } from './tables.ts'

export async function listQuarantined(at: Queryable, datasetId: string): Promise<DatasetQuarantineRow[]> {
  return await at
    .selectFrom('dataset_quarantine')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .orderBy('created_ms', 'desc')
    .execute()
}

export async function insertQuarantined(trx: Trx, rows: readonly DatasetQuarantineRow[]): Promise<void> {
  if (rows.length === 0) return
  await trx
    .insertInto('dataset_quarantine')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['dataset_id', 'source_sha256', 'definition_hash']).doNothing(),
    )
    .execute()
}
