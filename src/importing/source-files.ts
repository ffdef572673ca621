import { readdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../kernel/errors.ts'
import type { SourceArtifacts, SourceFile } from './schema.ts'

/** True for an artifact URI that names files of a machine, or of a server that hands them out; not for a store of objects. */
export function isMovable(artifactUri: string): boolean {
  return /^(file:|mlflow-artifacts:|[/\\.])/.test(artifactUri) || !artifactUri.includes(':')
}

/** Artifacts that are files of this machine. `folder` is where relative paths begin; below `served` lies what an MLflow server hands out as `mlflow-artifacts:`. */
export function localArtifacts({ folder, served }: { folder: string; served: string }): SourceArtifacts {
  const rootOf = (artifactUri: string): string | undefined => localPath(artifactUri, { folder, served })
  return {
    async listFiles(artifactUri) {
      const root = rootOf(artifactUri)
      if (root === undefined) return undefined
      await requireBelow(root, [folder, served])
      const isFolder = await stat(root).then(
        (found) => found.isDirectory(),
        () => false,
      )
      if (isFolder) return await filesBelow(root)
      // A run that has logged no file has no folder; without the root of all nothing can be told.
      return (await parentExists(artifactUri, { folder, served })) ? [] : undefined
    },
    async fetchFile(artifactUri, path) {
      const root = await realpath(rootOf(artifactUri)!)
      const file = await realpath(join(root, path))
      if (relative(root, file).startsWith('..'))
        throw new AppError('invalid', `${path} leads out of its artifact folder`)
      return { file, release: async () => {} }
    },
  }
}

function localPath(artifactUri: string, { folder, served }: { folder: string; served: string }) {
  if (artifactUri.startsWith('file:')) return fileURLToPath(new URL(artifactUri))
  if (artifactUri.startsWith('mlflow-artifacts:'))
    return join(served, artifactUri.replace(/^mlflow-artifacts:(\/\/[^/]*)?\/*/, ''))
  if (!isMovable(artifactUri)) return undefined
  return isAbsolute(artifactUri) ? artifactUri : resolve(folder, artifactUri)
}

/** Roots end in `<experiment>/<run>/artifacts`: the folder above that is there when the files are on this machine. */
async function parentExists(
  artifactUri: string,
  places: { folder: string; served: string },
): Promise<boolean> {
  const above = localPath(artifactUri, places)!.split(sep).slice(0, -3).join(sep)
  return above !== '' && (await stat(above).catch(() => undefined)) !== undefined
}

/** A database may name any folder of this machine: only what lies beside it, or where its server keeps files, is taken. */
async function requireBelow(root: string, places: readonly string[]): Promise<void> {
  const real = await realpath(root).catch(() => root)
  for (const place of places) {
    const way = relative(await realpath(place).catch(() => place), real)
    if (way !== '' && !way.startsWith('..') && !isAbsolute(way)) return
  }
  throw new AppError('invalid', 'it is neither beside the database nor in the folder that --artifacts names')
}

async function filesBelow(root: string): Promise<SourceFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files: SourceFile[] = []
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.push({ path: relative(root, path).split(sep).join('/'), sizeBytes: (await stat(path)).size })
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
