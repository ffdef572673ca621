import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ErasedKeyRow, ErasedRowsRow, PrivacyKeyRow } from './tables.ts'

export async function findKeyId(at: Queryable, projectId: string): Promise<string | undefined> {
  const row = await at
    .selectFrom('privacy_key')
    .select('key_id')
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  return row?.key_id
}

/** The first that comes stays. */
export async function insertKeyId(trx: Trx, row: PrivacyKeyRow): Promise<void> {
  await trx
    .insertInto('privacy_key')
    .values(row)
    .onConflict((conflict) => conflict.column('project_id').doNothing())
    .execute()
}

export async function upsertKeyId(trx: Trx, row: PrivacyKeyRow): Promise<void> {
  const { key_id, created_ms } = row
  await trx
    .insertInto('privacy_key')
    .values(row)
    .onConflict((conflict) => conflict.column('project_id').doUpdateSet({ key_id, created_ms }))
    .execute()
}

export async function listErasedKeys(at: Queryable, projectId: string): Promise<ErasedKeyRow[]> {
  return await at
    .selectFrom('erased_key')
    .selectAll()
    .where('project_id', '=', projectId)
    .orderBy('key_column')
    .orderBy('key_hash')
    .execute()
}

export async function countErasedKeys(at: Queryable, projectId: string): Promise<number> {
  const row = await at
    .selectFrom('erased_key')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow()
  return row.n
}

export async function insertErasedKey(trx: Trx, row: ErasedKeyRow): Promise<void> {
  await trx
    .insertInto('erased_key')
    .values(row)
    .onConflict((conflict) => conflict.columns(['project_id', 'key_column', 'key_hash']).doNothing())
    .execute()
}

/** Counts rows of an erased key that came again and were left out. */
export async function addCameAgain(
  trx: Trx,
  { projectId, keyHash, rows }: { projectId: string; keyHash: string; rows: number },
): Promise<void> {
  await trx
    .updateTable('erased_key')
    .set((eb) => ({ came_again_rows: eb('came_again_rows', '+', rows) }))
    .where('project_id', '=', projectId)
    .where('key_hash', '=', keyHash)
    .execute()
}

/** Counts what an erasure removed, in the transaction that removes it. */
export async function addErasedRows(trx: Trx, row: ErasedRowsRow): Promise<void> {
  await trx
    .insertInto('erased_rows')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['erasure_id', 'place', 'name'])
        .doUpdateSet((eb) => ({ rows: eb('erased_rows.rows', '+', row.rows) })),
    )
    .execute()
}

export async function listErasedRows(at: Queryable, erasureId: string): Promise<ErasedRowsRow[]> {
  return await at
    .selectFrom('erased_rows')
    .selectAll()
    .where('erasure_id', '=', erasureId)
    .orderBy('place')
    .orderBy('name')
    .execute()
}

/** As `addErasedRows`, of a place that is counted once, before it is changed: where counting and removing share no transaction. */
export async function noteErasedRows(trx: Trx, row: ErasedRowsRow): Promise<void> {
  await trx
    .insertInto('erased_rows')
    .values(row)
    .onConflict((conflict) => conflict.columns(['erasure_id', 'place', 'name']).doNothing())
    .execute()
}
