import type { Queryable, Trx } from '../ports/db/db.ts'
import type { AliasProtectionRow } from './tables.ts'

export async function listProtectionRows(
  at: Queryable,
  modelIds: readonly string[],
): Promise<AliasProtectionRow[]> {
  if (modelIds.length === 0) return []
  return await at
    .selectFrom('alias_protection')
    .selectAll()
    .where('model_id', 'in', modelIds)
    .orderBy('alias')
    .execute()
}

export async function upsertProtection(trx: Trx, row: AliasProtectionRow): Promise<void> {
  const { policy_json, declared, updated_ms } = row
  await trx
    .insertInto('alias_protection')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['model_id', 'alias']).doUpdateSet({ policy_json, declared, updated_ms }),
    )
    .execute()
}

export async function deleteProtection(trx: Trx, modelId: string, alias: string): Promise<void> {
  await trx
    .deleteFrom('alias_protection')
    .where('model_id', '=', modelId)
    .where('alias', '=', alias)
    .execute()
}
