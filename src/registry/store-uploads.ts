import type { Queryable, Trx } from '../ports/db/db.ts'
import type { UploadRow } from './tables.ts'

export async function insertUpload(trx: Trx, row: UploadRow): Promise<void> {
  await trx.insertInto('upload').values(row).execute()
}

export async function findUpload(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<UploadRow | undefined> {
  return await at
    .selectFrom('upload')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst()
}

export async function deleteUploadsBefore(trx: Trx, createdMs: number): Promise<void> {
  await trx.deleteFrom('upload').where('created_ms', '<', createdMs).execute()
}

export async function countUploads(at: Queryable, projectId: string, sinceMs: number): Promise<number> {
  const { count } = await at
    .selectFrom('upload')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId)
    .where('created_ms', '>=', sinceMs)
    .executeTakeFirstOrThrow()
  return count
}
