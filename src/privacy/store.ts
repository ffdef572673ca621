import type { Queryable, Trx } from '../ports/db/db.ts'
import type { PrivacyKeyRow } from './tables.ts'

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
