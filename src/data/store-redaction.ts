import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DatasetVersionRow } from './tables.ts'

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
