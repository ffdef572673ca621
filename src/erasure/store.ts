import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ErasureRow } from './tables.ts'

export async function insertErasure(trx: Trx, row: ErasureRow): Promise<void> {
  await trx.insertInto('erasure').values(row).execute()
}

export async function findErasure(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<ErasureRow | undefined> {
  return await at
    .selectFrom('erasure')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Newest first. */
export async function listErasureRows(
  at: Queryable,
  projectId: string,
  { limit, before }: { limit: number; before?: string | undefined },
): Promise<ErasureRow[]> {
  return await at
    .selectFrom('erasure')
    .selectAll()
    .where('project_id', '=', projectId)
    .$if(before !== undefined, (query) => query.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** Moves an erasure on. False when it was not in that state any more. */
export async function moveErasure(
  trx: Trx,
  { id, from, change }: { id: string; from: ErasureRow['state']; change: Partial<ErasureRow> },
): Promise<boolean> {
  const row = await trx
    .updateTable('erasure')
    .set(change)
    .where('id', '=', id)
    .where('state', '=', from)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

export async function listPurging(at: Queryable): Promise<ErasureRow[]> {
  return await at.selectFrom('erasure').selectAll().where('state', '=', 'purging').execute()
}
