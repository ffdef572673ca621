import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import { countUploads, deleteUploadsBefore, findUpload, insertUpload } from './store-uploads.ts'

/** As long as garbage collection leaves bytes alone that nothing refers to. */
const KEPT_MS = DAY_MS
/** Of one project at a time: what is sent and never used fills the disk until its day is over. */
const MAX_WAITING = 2_000

/**
 * Stores bytes that a later request will name, as they arrive and never whole in memory. They are kept for a day. Throws `invalid` for more
 * than `maxUploadBytes`, and for none.
 */
export async function receiveUpload(
  { db, ids, artifacts, config }: Pick<Context, 'db' | 'ids' | 'artifacts' | 'config'>,
  {
    projectId,
    actor,
    body,
    declaredBytes,
  }: Caller & { body: AsyncIterable<Uint8Array>; declaredBytes: number },
): Promise<{ id: string } & StoredBlob> {
  requirePermission(actor, 'contribute', projectId)
  const { maxUploadBytes } = config
  const tooLarge = (): AppError =>
    new AppError('invalid', `An upload may have ${maxUploadBytes} bytes (setting maxUploadBytes)`, {
      details: { maxUploadBytes },
    })
  if (declaredBytes > maxUploadBytes) throw tooLarge()
  if ((await countUploads(db.read, projectId, (await db.wallTime()) - KEPT_MS)) >= MAX_WAITING)
    throw new AppError(
      'conflict',
      `${MAX_WAITING} uploads of this project are kept already; each goes after a day`,
    )
  const blob = await artifacts.putStream(within(body, maxUploadBytes, tooLarge))
  const id = ids.uuid()
  await db.write(async (trx) => {
    const nowMs = await db.wallTime(trx)
    await deleteUploadsBefore(trx, nowMs - KEPT_MS)
    // Garbage collection takes what is never used.
    await recordBlob(trx, { projectId, blob, nowMs })
    await insertUpload(trx, {
      id,
      project_id: projectId,
      sha256: blob.sha256,
      size_bytes: blob.sizeBytes,
      created_ms: nowMs,
    })
  })
  return { id, ...blob }
}

async function* within(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLarge: () => AppError,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0
  for await (const chunk of chunks) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > maxBytes) throw tooLarge()
    yield chunk
  }
  if (sizeBytes === 0) throw new AppError('invalid', 'The upload is empty')
}

/** Throws `not_found` for an upload of another project, and for one that is a day old. */
export async function getUpload(
  { db, artifacts }: Pick<Context, 'db' | 'artifacts'>,
  { projectId, id }: { projectId: string; id: string },
): Promise<StoredBlob> {
  const row = await findUpload(db.read, projectId, id)
  if (row && (await artifacts.has(row.sha256))) return { sha256: row.sha256, sizeBytes: row.size_bytes }
  throw new AppError('not_found', `There is no upload ${id}; uploads are kept for a day`, { details: { id } })
}
