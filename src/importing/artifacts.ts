import { AppError, messageOf } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { folderOf, importArtifacts } from '../tracking/tracking.ts'
import { requireWithin } from './limits.ts'
import { isMovable } from './source-files.ts'
import type { SourceFile } from './schema.ts'
import { isUnchanged, note, skip, type Session } from './session.ts'
import { listObjects } from './store.ts'

const ROOTS_AT_ONCE = 4
const FILES_AT_ONCE = 200

/** An artifact root of the source, and the URI under which its files are here. */
export interface Root {
  from: string
  to: string
}

/** Copies the files of runs and logged models; those that the blob store has already cost no space. */
export async function importRoots(session: Session, roots: readonly Root[]): Promise<void> {
  session.progress.begin('artifacts', roots.length)
  for (let start = 0; start < roots.length; start += ROOTS_AT_ONCE)
    await Promise.all(roots.slice(start, start + ROOTS_AT_ONCE).map((root) => importRoot(session, root)))
}

async function importRoot(session: Session, root: Root): Promise<void> {
  const { context, sourceId, counts, source } = session
  session.progress.add(1)
  if (!isMovable(root.from)) {
    const scheme = root.from.split(':')[0]
    return skip(
      session,
      'artifact files',
      `they stay where they are, in a store of ${scheme}: objects (counted by folder)`,
    )
  }
  let files: SourceFile[] | undefined
  try {
    files = await source.artifacts.listFiles(root.from)
  } catch (error) {
    return skip(session, 'artifact files', `a folder could not be listed: ${messageOf(error)}`)
  }
  if (files === undefined)
    return skip(session, 'artifact files', 'their folder can not be reached from here (counted by folder)')
  const fingerprint = hashJson({ to: root.to, files })
  const known = await listObjects(context.db.read, { sourceId, kind: 'artifacts', keys: [root.from] })
  if (isUnchanged(known.get(root.from), fingerprint)) counts['artifact files'].unchanged += files.length
  else await copyFiles(session, root, files, fingerprint)
}

async function copyFiles(
  session: Session,
  root: Root,
  files: readonly SourceFile[],
  fingerprint: string,
): Promise<void> {
  const folder = folderOf(root.to)
  let complete = true
  for (let start = 0; start === 0 || start < files.length; start += FILES_AT_ONCE) {
    const stored: { path: string; blob: StoredBlob }[] = []
    for (const { path, sizeBytes } of files.slice(start, start + FILES_AT_ONCE)) {
      requireWithin(session.limits, 'artifactBytes', session.artifactBytes + sizeBytes)
      const blob = await copyFile(session, root, path)
      if (blob) {
        stored.push({ path: `${folder}/${path}`, blob })
        session.artifactBytes += blob.sizeBytes
      } else complete = false
    }
    const isLast = start + FILES_AT_ONCE >= files.length
    const state = isLast && complete ? 'written' : 'started'
    await importArtifacts(session.context, {
      ...session.caller,
      folder,
      files: stored,
      within: (trx) =>
        note(session, trx, [{ kind: 'artifacts', key: root.from, state, target: root.to, fingerprint }]),
    })
    session.counts['artifact files'].imported += stored.length
  }
}

/** Undefined, and counted as skipped, when a file is gone or can't be kept under its name. */
async function copyFile(session: Session, root: Root, path: string): Promise<StoredBlob | undefined> {
  try {
    const maxBytes = session.limits.artifactBytes - session.artifactBytes
    const fetched = await session.source.artifacts.fetchFile(root.from, path, maxBytes)
    try {
      return await session.context.artifacts.putFile(fetched.file)
    } finally {
      await fetched.release()
    }
  } catch (error) {
    if (error instanceof AppError && error.code === 'unavailable') throw error
    skip(session, 'artifact files', `a file could not be copied: ${messageOf(error)}`)
    return undefined
  }
}
