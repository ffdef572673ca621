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

/** Those that still wait at the source, newest first: not what another content has replaced since. */
export async function listSetAside(at: Queryable, datasetId: string): Promise<DatasetQuarantineRow[]> {
  return await at
    .selectFrom('dataset_quarantine as refused')
    .leftJoin('dataset_file as seen', (join) =>
      join.onRef('seen.dataset_id', '=', 'refused.dataset_id').onRef('seen.path', '=', 'refused.path'),
    )
    .selectAll('refused')
    .where('refused.dataset_id', '=', datasetId)
    .where((is) =>
      is.or([
        is('seen.source_sha256', 'is', null),
        is('seen.source_sha256', '=', is.ref('refused.source_sha256')),
      ]),
    )
    .orderBy('refused.created_ms', 'desc')
    .limit(100)
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
