import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ArtifactUploadPartRow, ArtifactUploadRow } from './tables.ts'

export async function insertUpload(trx: Trx, row: ArtifactUploadRow): Promise<void> {
  await trx.insertInto('artifact_upload').values(row).execute()
}

export async function findUpload(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<ArtifactUploadRow | undefined> {
  return await at
    .selectFrom('artifact_upload')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
}

export async function completeUploadRow(trx: Trx, id: string): Promise<void> {
  await trx.updateTable('artifact_upload').set({ state: 'completed' }).where('id', '=', id).execute()
}

/** Deletes an upload with its parts. */
export async function deleteUpload(trx: Trx, id: string): Promise<void> {
  await trx.deleteFrom('artifact_upload_part').where('upload_id', '=', id).execute()
  await trx.deleteFrom('artifact_upload').where('id', '=', id).execute()
}

export async function listExpiredUploads(at: Queryable, nowMs: number): Promise<string[]> {
  const rows = await at
    .selectFrom('artifact_upload')
    .select('id')
    .where('expires_ms', '<', nowMs)
    .limit(100)
    .execute()
  return rows.map(({ id }) => id)
}

/** A part that is sent again replaces itself. */
export async function upsertUploadPart(trx: Trx, row: ArtifactUploadPartRow): Promise<void> {
  const { sha256, size_bytes } = row
  await trx
    .insertInto('artifact_upload_part')
    .values(row)
    .onConflict((conflict) => conflict.columns(['upload_id', 'number']).doUpdateSet({ sha256, size_bytes }))
    .execute()
}

export async function listUploadParts(at: Queryable, uploadId: string): Promise<ArtifactUploadPartRow[]> {
  return await at
    .selectFrom('artifact_upload_part')
    .selectAll()
    .where('upload_id', '=', uploadId)
    .orderBy('number')
    .execute()
}

export async function findSigningKey(at: Queryable, projectId: string): Promise<string | undefined> {
  const row = await at
    .selectFrom('artifact_signing_key')
    .select('key_hex')
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  return row?.key_hex
}

/** Keeps the key that is there, when another server was first. */
export async function insertSigningKey(trx: Trx, projectId: string, keyHex: string): Promise<void> {
  await trx
    .insertInto('artifact_signing_key')
    .values({ project_id: projectId, key_hex: keyHex })
    .onConflict((conflict) => conflict.column('project_id').doNothing())
    .execute()
}
