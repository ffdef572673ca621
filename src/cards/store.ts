import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ModelCardRow } from './tables.ts'

export async function insertCard(trx: Trx, row: ModelCardRow): Promise<void> {
  await trx.insertInto('model_card').values(row).execute()
}

/** Newest first. */
export async function listCardRows(
  at: Queryable,
  modelVersionId: string,
  { limit, before }: { limit: number; before?: number | undefined },
): Promise<ModelCardRow[]> {
  return await at
    .selectFrom('model_card')
    .selectAll()
    .where('model_version_id', '=', modelVersionId)
    .$if(before !== undefined, (query) => query.where('revision', '<', before!))
    .orderBy('revision', 'desc')
    .limit(limit)
    .execute()
}
