import { glob, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { findConfig } from './open.ts'

const LOOK_EVERY_MS = 500
const RESTS_AFTER_MS = 50
/** What a project's code may be, looked at while it is not known which files it reads. */
const CODE = '**/*.{ts,mts,js,mjs,py,json}'
const MOST_FILES = 2_000

export interface WatchedProject {
  folder: string
  /** Loads the project and stores it. Gives the files that it read, relative to the folder. */
  apply(): Promise<readonly string[]>
  failed(error: unknown): void
}

/** Of each file, what changes when it is written: its size, time and inode. */
type Seen = ReadonlyMap<string, string>

/**
 * Applies a project now, and again whenever one of the files that it is made of has changed and rests, until `signal` ends it. Files
 * are looked at, not subscribed to: an editor that puts a new file in the old one's place is noticed too.
 */
export async function watchProject(project: WatchedProject, signal: AbortSignal): Promise<void> {
  const { folder } = project
  let paths: readonly string[] | undefined
  let applied: Seen = new Map()
  while (!signal.aborted) {
    const now = findConfig(folder) === undefined ? applied : await look(folder, paths)
    if (!isSame(now, applied) && (await rests(folder, paths, now))) {
      try {
        paths = await project.apply()
      } catch (error) {
        paths = undefined
        project.failed(error)
      }
      // A file that changed meanwhile was perhaps read before: it counts as it was seen before.
      applied = new Map(
        [...(await look(folder, paths))].map(([path, state]) => [path, now.get(path) ?? state]),
      )
    }
    await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
  }
}

/** Whether nothing is being written just now. */
async function rests(folder: string, paths: readonly string[] | undefined, now: Seen): Promise<boolean> {
  await pause(RESTS_AFTER_MS)
  return isSame(await look(folder, paths), now)
}

async function look(folder: string, paths: readonly string[] | undefined): Promise<Seen> {
  const seen = new Map<string, string>()
  for (const path of paths ?? (await codeFiles(folder))) {
    const stats = await stat(join(folder, path), { bigint: true }).catch(() => undefined)
    if (stats) seen.set(path, `${stats.size} ${stats.mtimeNs} ${stats.ino}`)
  }
  return seen
}

async function codeFiles(folder: string): Promise<string[]> {
  const found: string[] = []
  const exclude = (name: string): boolean => name === 'node_modules' || name.startsWith('.')
  for await (const path of glob(CODE, { cwd: folder, exclude })) {
    found.push(path)
    if (found.length === MOST_FILES) break
  }
  return found
}

function isSame(one: Seen, other: Seen): boolean {
  return one.size === other.size && [...one].every(([path, state]) => other.get(path) === state)
}
