import type { Queryable, Trx } from '../ports/db/db.ts'
import type { SavedViewRow } from './tables.ts'

export async function listSavedViewRows(
  at: Queryable,
  projectId: string,
  page: string,
): Promise<SavedViewRow[]> {
  return await at
    .selectFrom('saved_view')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('page', '=', page)
    .orderBy('name')
    .execute()
}

export async function insertSavedView(trx: Trx, row: SavedViewRow): Promise<void> {
  await trx.insertInto('saved_view').values(row).execute()
}

export async function findSavedView(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<SavedViewRow | undefined> {
  return await at
    .selectFrom('saved_view')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
}

export async function deleteSavedViewRow(trx: Trx, id: string): Promise<void> {
  await trx.deleteFrom('saved_view').where('id', '=', id).execute()
}
