import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Queryable } from '../ports/db/db.ts'
import { folderOf } from './artifact-uris.ts'
import { requireArtifactPath } from './keys.ts'
import type { ArtifactEntry } from './schema.ts'
import { requireOwnPath } from './step-scope.ts'
import { getRunRow } from './store.ts'
import {
  deleteArtifactFiles,
  findArtifactFile,
  findArtifactInTheWay,
  listArtifactEntries,
  listArtifactFileRows,
  upsertArtifactFile,
} from './store-artifacts.ts'

/** Where bytes come from: memory, a stream, or a blob that is stored already. */
type ArtifactContent = { bytes: Uint8Array } | { stream: AsyncIterable<Uint8Array> } | { blob: StoredBlob }

/** Puts a file at a path below the project's artifact root; what was there is replaced. */
export async function putArtifact(
  { db, artifacts, clock }: Pick<Context, 'db' | 'artifacts' | 'clock'>,
  { projectId, actor, path, content }: Caller & { path: string; content: ArtifactContent },
): Promise<StoredBlob> {
  requirePermission(actor, 'record', projectId)
  requireArtifactPath(path)
  await requireOwnPath(db.read, { projectId, actor }, path)
  const blob = await store(artifacts, content)
  await db.write(async (trx) => {
    await requireFree(trx, projectId, path)
    await recordBlob(trx, { projectId, blob, nowMs: await db.wallTime(trx) })
    await upsertArtifactFile(trx, {
      project_id: projectId,
      path,
      sha256: blob.sha256,
      size_bytes: blob.sizeBytes,
      created_ms: clock.now(),
    })
    const detail = { sha256: blob.sha256, sizeBytes: blob.sizeBytes }
    await audit(trx, { projectId, actor, action: 'tracking.put_artifact', subject: path, detail })
  })
  return blob
}

/** A path is a file or a folder: clients that download both would write one over the other. */
async function requireFree(at: Queryable, projectId: string, path: string): Promise<void> {
  const other = await findArtifactInTheWay(at, projectId, path)
  if (other === undefined) return
  const why = other.startsWith(`${path}/`) ? 'it is a folder' : `${other} is a file, not a folder`
  throw new AppError('invalid', `Invalid path: there can be no artifact ${path}, since ${why}`, {
    details: { path },
  })
}

/** Puts a file among the artifacts of a run; `path` is relative to the run's artifact folder. */
export async function putRunArtifact(
  context: Pick<Context, 'db' | 'artifacts' | 'clock'>,
  { runId, path, ...input }: Caller & { runId: string; path: string; content: ArtifactContent },
): Promise<StoredBlob> {
  const folder = await runArtifactFolder(context, { projectId: input.projectId, runId })
  return await putArtifact(context, { ...input, path: `${folder}/${path}` })
}

async function store(artifacts: Context['artifacts'], content: ArtifactContent): Promise<StoredBlob> {
  if ('blob' in content) return content.blob
  return 'bytes' in content ? await artifacts.put(content.bytes) : await artifacts.putStream(content.stream)
}

/** The blob at a path. Throws `not_found`. */
export async function getArtifact(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, path }: Caller & { path: string },
): Promise<StoredBlob> {
  requirePermission(actor, 'view', projectId)
  requireArtifactPath(path)
  const file = await findArtifactFile(db.read, projectId, path)
  if (!file) throw new AppError('not_found', `There is no artifact ${path}`, { details: { path } })
  return { sha256: file.sha256, sizeBytes: file.size_bytes }
}

/** The blob at a path in the artifact folder of a run. Throws `not_found`. */
export async function getRunArtifact(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId, path }: Caller & { runId: string; path: string },
): Promise<StoredBlob> {
  requirePermission(actor, 'view', projectId)
  requireArtifactPath(path)
  const root = await runArtifactFolder({ db }, { projectId, runId })
  return await getArtifact({ db }, { projectId, actor, path: `${root}/${path}` })
}

/** What is directly in a folder (the root when empty); of a file, nothing. Paths are from the project's artifact root. */
export async function listArtifacts(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, folder }: Caller & { folder: string },
): Promise<ArtifactEntry[]> {
  requirePermission(actor, 'view', projectId)
  if (folder !== '') requireArtifactPath(folder)
  return await listArtifactEntries(db.read, db.dialect, { projectId, folder })
}

/** What is directly in a folder of a run's artifacts. Paths are relative to the run's artifact folder. */
export async function listRunArtifacts(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId, folder = '' }: Caller & { runId: string; folder?: string },
): Promise<ArtifactEntry[]> {
  const root = await runArtifactFolder({ db }, { projectId, runId })
  const entries = await listArtifacts(
    { db },
    { projectId, actor, folder: folder === '' ? root : `${root}/${folder}` },
  )
  return entries.map((entry) => ({ ...entry, path: entry.path.slice(root.length + 1) }))
}

/** The file that an artifact URI names, or all files below the folder that it names, by path from the artifact root. */
export async function listFilesAt(
  at: Queryable,
  { projectId, artifactUri }: { projectId: string; artifactUri: string },
): Promise<({ path: string } & StoredBlob)[]> {
  const files = await listArtifactFileRows(at, projectId, folderOf(artifactUri))
  return files.map(({ path, sha256, size_bytes }) => ({ path, sha256, sizeBytes: size_bytes }))
}

/** Deletes a file, or a folder with everything in it; what is not there is no error, so that a client may ask again. */
export async function deleteArtifacts(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, path }: Caller & { path: string },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  requireArtifactPath(path)
  await db.write(async (trx) => {
    const files = await deleteArtifactFiles(trx, projectId, path)
    if (files === 0) return
    await audit(trx, {
      projectId,
      actor,
      action: 'tracking.delete_artifacts',
      subject: path,
      detail: { files },
    })
  })
}

async function runArtifactFolder(
  { db }: Pick<Context, 'db'>,
  { projectId, runId }: { projectId: string; runId: string },
): Promise<string> {
  return folderOf((await getRunRow(db.read, projectId, runId)).artifact_uri)
}
