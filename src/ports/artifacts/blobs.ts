import type { Db, Trx } from '../db/db.ts'
import type { Artifacts, StoredBlob } from './artifacts.ts'

/** Longer than the longest lease and upload, so that nothing in flight can lose its blob. */
const CONDEMNED_FOR_MS = 24 * 3_600_000

/** Makes a stored blob part of the system; un-condemns it. Call it in the transaction that first refers to it. */
export async function recordBlob(
  trx: Trx,
  { projectId, blob, nowMs }: { projectId: string; blob: StoredBlob; nowMs: number },
): Promise<void> {
  await trx
    .insertInto('blob')
    .values({
      sha256: blob.sha256,
      project_id: projectId,
      size_bytes: blob.sizeBytes,
      created_ms: nowMs,
      condemned_ms: null,
    })
    .onConflict((conflict) => conflict.column('sha256').doUpdateSet({ condemned_ms: null }))
    .execute()
}

/** Un-condemns blobs that a cache hit or a new reference uses. Returns those that have a row. */
export async function touchBlobs(trx: Trx, hashes: readonly string[]): Promise<Set<string>> {
  if (hashes.length === 0) return new Set()
  const rows = await trx
    .updateTable('blob')
    .set({ condemned_ms: null })
    .where('sha256', 'in', hashes)
    .returning('sha256')
    .execute()
  return new Set(rows.map((row) => row.sha256))
}

/**
 * Garbage collection: condemns blobs that nothing refers to, and deletes those condemned for longer than
 * any lease. `referenced` names every blob that a row of any room still holds.
 */
export async function collectBlobs(
  { db, artifacts }: { db: Db; artifacts: Artifacts },
  { referenced, dryRun }: { referenced: ReadonlySet<string>; dryRun: boolean },
): Promise<{ condemned: string[]; deleted: string[] }> {
  const nowMs = await db.wallTime()
  const blobs = await db.read.selectFrom('blob').selectAll().execute()
  const orphans = blobs.filter((blob) => !referenced.has(blob.sha256))
  const condemned = orphans.filter((blob) => blob.condemned_ms === null).map((blob) => blob.sha256)
  const due = orphans
    .filter((blob) => blob.condemned_ms !== null && blob.condemned_ms < nowMs - CONDEMNED_FOR_MS)
    .map((blob) => blob.sha256)
  if (dryRun) return { condemned, deleted: due }
  for (let start = 0; start < condemned.length; start += 500) {
    const batch = condemned.slice(start, start + 500)
    await db.write((trx) =>
      trx.updateTable('blob').set({ condemned_ms: nowMs }).where('sha256', 'in', batch).execute(),
    )
  }
  const deleted: string[] = []
  for (const hash of due) {
    const removed = await db.write((trx) =>
      trx
        .deleteFrom('blob')
        .where('sha256', '=', hash)
        .where('condemned_ms', '<', nowMs - CONDEMNED_FOR_MS)
        .executeTakeFirst(),
    )
    if (removed.numDeletedRows === 0n) continue
    await artifacts.delete(hash)
    deleted.push(hash)
  }
  return { condemned, deleted }
}
