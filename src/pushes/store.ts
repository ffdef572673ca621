import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DatasetPushRow } from './tables.ts'

/** Columns of pushed rows stand where the source's cursor does: `dataset_source`. */
export async function findPushedColumns(at: Queryable, datasetId: string): Promise<string | null> {
  const row = await at
    .selectFrom('dataset_source')
    .select('columns_json')
    .where('dataset_id', '=', datasetId)
    .executeTakeFirst()
  return row?.columns_json ?? null
}

/** The columns of what was pushed, held against other pushes until the transaction ends. */
export async function lockPushedColumns(
  trx: Trx,
  { projectId, datasetId }: { projectId: string; datasetId: string },
): Promise<string | null> {
  const row = await trx
    .insertInto('dataset_source')
    .values({ dataset_id: datasetId, project_id: projectId, source_hash: '', failures: 0 })
    .onConflict((conflict) => conflict.column('dataset_id').doUpdateSet({ project_id: projectId }))
    .returning('columns_json')
    .executeTakeFirstOrThrow()
  return row.columns_json
}

export async function updatePushedColumns(trx: Trx, datasetId: string, columns: string): Promise<void> {
  await trx
    .updateTable('dataset_source')
    .set({ columns_json: columns })
    .where('dataset_id', '=', datasetId)
    .execute()
}

export async function findPush(
  at: Queryable,
  datasetId: string,
  key: string,
): Promise<DatasetPushRow | undefined> {
  return await at
    .selectFrom('dataset_push')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .where('key', '=', key)
    .executeTakeFirst()
}

/** False when the dataset has a push of that key. */
export async function insertPush(trx: Trx, row: DatasetPushRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('dataset_push')
    .values(row)
    .onConflict((conflict) => conflict.columns(['dataset_id', 'key']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return inserted !== undefined
}

/** Pushes that are part of no version, oldest first. */
export async function listPendingPushes(
  at: Queryable,
  datasetId: string,
  limit: number,
): Promise<DatasetPushRow[]> {
  return await at
    .selectFrom('dataset_push')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .where('version_id', 'is', null)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function updatePushesTaken(trx: Trx, ids: readonly string[], versionId: string): Promise<void> {
  await trx.updateTable('dataset_push').set({ version_id: versionId }).where('id', 'in', ids).execute()
}

/** Forgets keys of pushes that are part of a version and older than that. */
export async function deleteOldPushes(trx: Trx, datasetId: string, beforeMs: number): Promise<void> {
  await trx
    .deleteFrom('dataset_push')
    .where('dataset_id', '=', datasetId)
    .where('created_ms', '<', beforeMs)
    .where('version_id', 'is not', null)
    .execute()
}

export async function listPushes(at: Queryable, datasetId: string): Promise<DatasetPushRow[]> {
  return await at.selectFrom('dataset_push').selectAll().where('dataset_id', '=', datasetId).execute()
}

export async function updatePush(
  trx: Trx,
  {
    datasetId,
    before,
    after,
  }: { datasetId: string; before: string; after: { sha256: string; sizeBytes: number; rows: number } },
): Promise<void> {
  await trx
    .updateTable('dataset_push')
    .set({ sha256: after.sha256, size_bytes: after.sizeBytes, rows: after.rows })
    .where('dataset_id', '=', datasetId)
    .where('sha256', '=', before)
    .execute()
}

/** Every blob of a push that is part of no version, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const rows = await at.selectFrom('dataset_push').select('sha256').where('version_id', 'is', null).execute()
  return rows.map(({ sha256 }) => sha256)
}
