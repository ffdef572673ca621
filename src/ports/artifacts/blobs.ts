import type { Db, Queryable, Trx } from '../db/db.ts'
import type { Artifacts, StoredBlob } from './artifacts.ts'
import { DAY_MS } from '../../kernel/time-spans.ts'

/** The moment at which blobs of erased rows count as condemned: before any other. */
const AT_ONCE_MS = 0
/** Longer than the longest lease and upload, so that nothing in flight can lose its blob. */
const CONDEMNED_FOR_MS = DAY_MS

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

export interface Collected {
  condemned: string[]
  /** Condemned earlier, and referred to again. */
  kept: string[]
  deleted: string[]
  /** Of what was deleted, or with `dryRun` would be. */
  freedBytes: number
}

/**
 * Garbage collection: condemns blobs that nothing refers to, and deletes those condemned for longer than any
 * lease. `listReferenced` names every blob that a row of any room holds; it is asked after the blobs are listed.
 */
export async function collectBlobs(
  { db, artifacts }: { db: Db; artifacts: Artifacts },
  input: { listReferenced(): Promise<ReadonlySet<string>>; nowMs: number; dryRun: boolean },
): Promise<Collected> {
  const { nowMs, dryRun } = input
  const blobs = await db.read.selectFrom('blob').selectAll().execute()
  const referenced = await input.listReferenced()
  const orphans = blobs.filter((blob) => !referenced.has(blob.sha256))
  const condemned = orphans.filter((blob) => blob.condemned_ms === null).map((blob) => blob.sha256)
  const kept = blobs
    .filter((blob) => blob.condemned_ms !== null && referenced.has(blob.sha256))
    .map((blob) => blob.sha256)
  const dueMs = nowMs - CONDEMNED_FOR_MS
  const due = orphans.filter((blob) => blob.condemned_ms !== null && blob.condemned_ms < dueMs)
  if (!dryRun) {
    await inBatches(condemned, (batch) => db.write((trx) => condemn(trx, batch, nowMs)))
    await inBatches(kept, (batch) => db.write((trx) => touchBlobs(trx, batch)))
  }
  const gone = dryRun ? due : await deleteBlobs({ db, artifacts }, due, dueMs)
  return {
    condemned,
    kept,
    deleted: gone.map((blob) => blob.sha256),
    freedBytes: gone.reduce((sum, blob) => sum + blob.size_bytes, 0),
  }
}

async function condemn(trx: Trx, hashes: readonly string[], nowMs: number): Promise<void> {
  await trx.updateTable('blob').set({ condemned_ms: nowMs }).where('sha256', 'in', hashes).execute()
}

/** A reference that came since has un-condemned its blob's row; a put that came since has renewed the bytes. */
async function deleteBlobs<Blob extends { sha256: string }>(
  { db, artifacts }: { db: Db; artifacts: Artifacts },
  due: readonly Blob[],
  dueMs: number,
): Promise<Blob[]> {
  const gone: Blob[] = []
  for (const blob of due) {
    const row = await db.write((trx) =>
      trx
        .deleteFrom('blob')
        .where('sha256', '=', blob.sha256)
        .where('condemned_ms', '<', dueMs)
        .executeTakeFirst(),
    )
    if (row.numDeletedRows > 0n && (await artifacts.deleteUnused(blob.sha256, dueMs))) gone.push(blob)
  }
  return gone
}

/**
 * Condemns blobs that hold what was erased: they are due at once, and `purgeCondemned` deletes them without the wait that protects work in
 * flight. Call it in the transaction that replaces them.
 */
export async function condemnAtOnce(trx: Trx, hashes: readonly string[]): Promise<void> {
  await inBatches([...new Set(hashes)], (batch) => condemn(trx, batch, AT_ONCE_MS))
}

/** Deletes what is condemned at once and referred to by nothing; what something else refers to stays. */
export async function purgeCondemned(
  { db, artifacts }: { db: Db; artifacts: Artifacts },
  { listReferenced }: { listReferenced: () => Promise<ReadonlySet<string>> },
): Promise<{ deleted: string[]; kept: string[] }> {
  const due = await db.read.selectFrom('blob').selectAll().where('condemned_ms', '=', AT_ONCE_MS).execute()
  if (due.length === 0) return { deleted: [], kept: [] }
  const referenced = await listReferenced()
  const kept = due.filter(({ sha256 }) => referenced.has(sha256)).map(({ sha256 }) => sha256)
  await inBatches(kept, (batch) => db.write((trx) => touchBlobs(trx, batch)))
  const orphans = due.filter(({ sha256 }) => !referenced.has(sha256))
  const gone = await deleteBlobs({ db, artifacts }, orphans, await db.wallTime())
  return { deleted: gone.map(({ sha256 }) => sha256), kept }
}

/** Whether anything that was condemned at once is still there. */
export async function isPurged(at: Queryable): Promise<boolean> {
  const left = await at
    .selectFrom('blob')
    .select('sha256')
    .where('condemned_ms', '=', AT_ONCE_MS)
    .executeTakeFirst()
  return left === undefined
}

async function inBatches(
  hashes: readonly string[],
  work: (batch: readonly string[]) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < hashes.length; start += 500) await work(hashes.slice(start, start + 500))
}

export async function findBlobSize(at: Queryable, sha256: string): Promise<number | undefined> {
  const row = await at.selectFrom('blob').select('size_bytes').where('sha256', '=', sha256).executeTakeFirst()
  return row?.size_bytes
}
