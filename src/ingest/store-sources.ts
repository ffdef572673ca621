import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DatasetChangeRow, DatasetSourceRow } from './tables.ts'

export async function findSource(at: Queryable, datasetId: string): Promise<DatasetSourceRow | undefined> {
  return await at
    .selectFrom('dataset_source')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .executeTakeFirst()
}

/** Notes where the source stands after a success. */
export async function upsertCursor(
  trx: Trx,
  {
    projectId,
    datasetId,
    hash,
    cursor,
  }: { projectId: string; datasetId: string; hash: string; cursor: string | null },
): Promise<void> {
  const now = { source_hash: hash, cursor, failures: 0, error: null, retry_at_ms: null }
  await trx
    .insertInto('dataset_source')
    .values({ dataset_id: datasetId, project_id: projectId, columns_json: null, ...now })
    .onConflict((conflict) => conflict.column('dataset_id').doUpdateSet(now))
    .execute()
}

/** Notes a failure. The row is locked until the transaction ends, so that failures are counted one by one. */
export async function updateFailed(
  trx: Trx,
  { projectId, datasetId, error }: { projectId: string; datasetId: string; error: string },
): Promise<number> {
  const row = await trx
    .insertInto('dataset_source')
    .values({ ...noSource({ projectId, datasetId }), failures: 1, error })
    .onConflict((conflict) =>
      conflict
        .column('dataset_id')
        .doUpdateSet((eb) => ({ failures: eb('dataset_source.failures', '+', 1), error })),
    )
    .returning('failures')
    .executeTakeFirstOrThrow()
  return row.failures
}

export async function updateRetryAt(trx: Trx, datasetId: string, retryAtMs: number): Promise<void> {
  await trx
    .updateTable('dataset_source')
    .set({ retry_at_ms: retryAtMs })
    .where('dataset_id', '=', datasetId)
    .execute()
}

/** Of these datasets, those whose source failed and is not yet to be tried again. */
export async function listWaiting(
  at: Queryable,
  datasetIds: readonly string[],
  nowMs: number,
): Promise<Set<string>> {
  const rows = await at
    .selectFrom('dataset_source')
    .select('dataset_id')
    .where('dataset_id', 'in', datasetIds)
    .where('retry_at_ms', '>', nowMs)
    .execute()
  return new Set(rows.map((row) => row.dataset_id))
}

function noSource({ projectId, datasetId }: { projectId: string; datasetId: string }): DatasetSourceRow {
  return {
    dataset_id: datasetId,
    project_id: projectId,
    source_hash: '',
    cursor: null,
    columns_json: null,
    failures: 0,
    error: null,
    retry_at_ms: null,
  }
}

export async function insertChange(trx: Trx, row: DatasetChangeRow): Promise<void> {
  await trx.insertInto('dataset_change').values(row).execute()
}

/** Counts one more of the failure that is the newest entry; false when the newest entry is something else. */
export async function updateRepeated(
  trx: Trx,
  datasetId: string,
  { error, nowMs }: { error: string; nowMs: number },
): Promise<boolean> {
  const newest = await trx
    .selectFrom('dataset_change')
    .select(['id', 'error'])
    .where('dataset_id', '=', datasetId)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (newest?.error !== error) return false
  await trx
    .updateTable('dataset_change')
    .set((eb) => ({ times: eb('times', '+', 1), updated_ms: nowMs }))
    .where('id', '=', newest.id)
    .execute()
  return true
}

export async function listChangeRows(
  at: Queryable,
  datasetId: string,
  { limit, before }: { limit: number; before?: string | undefined },
) {
  return await at
    .selectFrom('dataset_change as c')
    .leftJoin('dataset_version as v', 'v.id', 'c.version_id')
    .leftJoin('validation_report as r', 'r.id', 'c.report_id')
    .selectAll('c')
    .select(['v.number as version', 'r.sentence as report_sentence'])
    .where('c.dataset_id', '=', datasetId)
    .$if(before !== undefined, (query) => query.where('c.id', '<', before!))
    .orderBy('c.id', 'desc')
    .limit(limit)
    .execute()
}
