import { cp, readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../kernel/errors.ts'
import { makeFolder } from '../kernel/make-folder.ts'

const STARTER = fileURLToPath(new URL('../../examples/starter', import.meta.url))
const LEFT_OUT = new Set(['node_modules', '.tidemill'])

/** Writes the starter project into a new or empty folder. Returns the files, relative to it. */
export async function initProject(folder: string): Promise<string[]> {
  const existing = await readdir(folder).catch(() => [])
  if (existing.length > 0) {
    throw new AppError('already_exists', `${folder} is not empty; name a new folder`)
  }
  makeFolder(folder)
  await cp(STARTER, folder, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) })
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.length + 1))
    .sort()
}
