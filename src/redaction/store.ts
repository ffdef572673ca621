import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DatasetRedactionRow } from './tables.ts'

export async function insertRedaction(trx: Trx, row: DatasetRedactionRow): Promise<void> {
  await trx.insertInto('dataset_redaction').values(row).execute()
}

export async function listRedactions(at: Queryable, versionId: string) {
  const rows = await at
    .selectFrom('dataset_redaction')
    .selectAll()
    .where('version_id', '=', versionId)
    .orderBy('created_ms')
    .execute()
  return rows.map((row) => ({
    erasureId: row.erasure_id,
    removedRows: row.removed_rows,
    manifestSha256: row.manifest_sha256,
    contentHash: row.content_hash,
    atMs: row.created_ms,
  }))
}

/** Ids of the versions that an erasure took rows out of. */
export async function listRedactedVersions(at: Queryable, erasureId: string): Promise<string[]> {
  const rows = await at
    .selectFrom('dataset_redaction')
    .select('version_id')
    .where('erasure_id', '=', erasureId)
    .where('removed_rows', '>', 0)
    .execute()
  return rows.map((row) => row.version_id)
}
