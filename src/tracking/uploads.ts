import { join } from 'node:path'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { UploadParts } from '../ports/artifacts/upload-parts.ts'
import type { Queryable } from '../ports/db/db.ts'
import { putArtifact } from './artifacts.ts'
import { requireArtifactPath } from './keys.ts'
import { requireOwnPath } from './step-scope.ts'
import {
  completeUploadRow,
  deleteUpload,
  findUpload,
  insertUpload,
  listExpiredUploads,
  listUploadParts,
  upsertUploadPart,
} from './store-uploads.ts'
import type { ArtifactUploadRow } from './tables.ts'

const MAX_PARTS = 10_000
/** How long the parts of an upload may take together. */
const UPLOAD_MS = 24 * 3_600_000

interface UploadKey extends Caller {
  uploadId: string
  path: string
}

/** Begins an upload in parts of a file at a path below the project's artifact root. */
export async function createUpload(
  { db, ids }: Pick<Context, 'db' | 'ids'>,
  { projectId, actor, path, parts }: Caller & { path: string; parts: number },
): Promise<{ uploadId: string; expiresMs: number }> {
  requirePermission(actor, 'record', projectId)
  requireArtifactPath(path)
  await requireOwnPath(db.read, { projectId, actor }, path)
  if (!Number.isInteger(parts) || parts < 1 || parts > MAX_PARTS)
    throw new AppError('invalid', `An upload has 1 to ${MAX_PARTS} parts, not ${parts}`)
  const uploadId = ids.uuid()
  return await db.write(async (trx) => {
    const expiresMs = (await db.wallTime(trx)) + UPLOAD_MS
    await insertUpload(trx, {
      id: uploadId,
      project_id: projectId,
      path,
      parts,
      state: 'open',
      expires_ms: expiresMs,
    })
    await audit(trx, { projectId, actor, action: 'tracking.create_upload', subject: path, detail: { parts } })
    return { uploadId, expiresMs }
  })
}

/** Keeps a part; sent again, it replaces itself. Parts may come in any order and at the same time. */
export async function putUploadPart(
  { db, config }: Pick<Context, 'db' | 'config'>,
  input: Caller & { uploadId: string; number: number; content: AsyncIterable<Uint8Array> },
): Promise<StoredBlob> {
  const { projectId, actor, uploadId, number, content } = input
  requirePermission(actor, 'record', projectId)
  const upload = await getUpload(db.read, projectId, uploadId)
  await requireOwnPath(db.read, input, upload.path)
  if (!Number.isInteger(number) || number < 1 || number > upload.parts)
    throw new AppError('invalid', `The upload has parts 1 to ${upload.parts}, not ${number}`)
  if (upload.state === 'completed') throw new AppError('conflict', `The upload ${uploadId} is complete`)
  const stored = await partsOf(config).put(uploadId, number, content)
  await db.write(async (trx) => {
    await getUpload(trx, projectId, uploadId)
    await upsertUploadPart(trx, {
      upload_id: uploadId,
      number,
      project_id: projectId,
      sha256: stored.sha256,
      size_bytes: stored.sizeBytes,
    })
  })
  return stored
}

/** Makes the parts one artifact. Done twice it is no error. Throws `invalid` when parts are missing or not as the caller knows them. */
export async function completeUpload(
  context: Pick<Context, 'db' | 'artifacts' | 'clock' | 'config'>,
  input: UploadKey & { parts: readonly { number: number; sha256: string }[] },
): Promise<void> {
  const { projectId, actor, uploadId, path } = input
  requirePermission(actor, 'record', projectId)
  const upload = await getUploadOf(context.db.read, input)
  if (upload.state === 'completed') return
  await requireParts(context.db.read, upload, input.parts)
  const files = partsOf(context.config)
  try {
    const stream = files.read(uploadId, input.parts)
    await putArtifact(context, { projectId, actor, path, content: { stream } })
  } catch (error) {
    // Another request with the same parts may have been faster, and removed the files.
    if ((await getUploadOf(context.db.read, input)).state !== 'completed') throw error
  }
  await context.db.write((trx) => completeUploadRow(trx, uploadId))
  await files.remove(uploadId)
}

/** Gives an upload up; what was at its path stays. Giving up one that is gone is no error. */
export async function abortUpload(
  { db, config }: Pick<Context, 'db' | 'config'>,
  input: UploadKey,
): Promise<void> {
  const { projectId, actor, uploadId, path } = input
  requirePermission(actor, 'record', projectId)
  const upload = await findUpload(db.read, projectId, uploadId)
  if (!upload) return
  if (upload.path !== path) throw missing(uploadId)
  await requireOwnPath(db.read, input, path)
  await db.write(async (trx) => {
    await deleteUpload(trx, uploadId)
    await audit(trx, { projectId, actor, action: 'tracking.abort_upload', subject: path })
  })
  await partsOf(config).remove(uploadId)
}

/** Removes uploads, finished or not, whose time is over. */
export async function removeExpiredUploads({ db, config }: Pick<Context, 'db' | 'config'>): Promise<void> {
  for (const id of await listExpiredUploads(db.read, await db.wallTime())) {
    await partsOf(config).remove(id)
    await db.write((trx) => deleteUpload(trx, id))
  }
}

function partsOf({ dataDir }: Context['config']): UploadParts {
  return new UploadParts(join(dataDir, 'uploads'))
}

async function getUpload(at: Queryable, projectId: string, id: string): Promise<ArtifactUploadRow> {
  const upload = await findUpload(at, projectId, id)
  if (upload) return upload
  throw missing(id)
}

async function getUploadOf(at: Queryable, { projectId, uploadId, path }: UploadKey) {
  const upload = await getUpload(at, projectId, uploadId)
  if (upload.path === path) return upload
  throw missing(uploadId)
}

async function requireParts(
  at: Queryable,
  { id, parts }: ArtifactUploadRow,
  told: readonly { number: number; sha256: string }[],
): Promise<void> {
  const stored = new Map((await listUploadParts(at, id)).map((part) => [part.number, part.sha256]))
  for (let number = 1; number <= parts; number++) {
    const sha256 = stored.get(number)
    if (sha256 === undefined) throw new AppError('invalid', `Part ${number} of ${parts} has not arrived`)
    if (told[number - 1]?.number !== number || told[number - 1]?.sha256 !== sha256)
      throw new AppError('invalid', `Part ${number} is not the one that was sent: its ETag is "${sha256}"`)
  }
  if (told.length !== parts)
    throw new AppError('invalid', `The upload has ${parts} parts, not ${told.length}`)
}

function missing(uploadId: string): AppError {
  return new AppError(
    'not_found',
    `There is no upload ${uploadId} for this path: it has expired or was given up`,
  )
}
