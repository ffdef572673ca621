import { mkdirSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomIds } from './ids.ts'
import { lockFile } from './lock-file.ts'

const LOCK = 'lock.db'
/** The result code of SQLite while another holds the lock. */
const SQLITE_BUSY = 5
/** Others hold the lock of all for as long as it takes to look who lives. */
const WAIT_MS = 10_000
/** A child of the dead may write for a moment longer. */
const REMOVE_AGAIN = { maxRetries: 5, retryDelay: 200 }

export interface HeldFolder extends AsyncDisposable {
  path: string
}

/**
 * A folder in `parent` for what this process writes for a while; it goes with its disposal. What processes that died left in folders of
 * theirs is removed, never what a living one holds.
 */
export async function holdFolder(parent: string): Promise<HeldFolder> {
  mkdirSync(parent, { recursive: true })
  const { path, lock, dead } = enter(parent)
  for (const folder of dead) await rm(folder, { recursive: true, force: true, ...REMOVE_AGAIN })
  return {
    path,
    async [Symbol.asyncDispose]() {
      lock[Symbol.dispose]()
      await rm(path, { recursive: true, force: true, ...REMOVE_AGAIN })
    },
  }
}

/** One process at a time, so that none takes another for dead that has made its folder and not yet locked it. */
function enter(parent: string): { path: string; lock: Disposable; dead: string[] } {
  using _ = lockFile(join(parent, LOCK), { waitMs: WAIT_MS })
  const others = readdirSync(parent).filter((name) => !name.startsWith(LOCK))
  const dead = others.map((name) => join(parent, name)).filter((folder) => !isHeld(folder))
  const path = join(parent, randomIds.hex32().slice(0, 12))
  mkdirSync(path)
  return { path, lock: lockFile(join(path, LOCK)), dead }
}

function isHeld(folder: string): boolean {
  try {
    lockFile(join(folder, LOCK))[Symbol.dispose]()
    return false
  } catch (error) {
    // Whatever else stands in its way, such as a file where a folder should be, nobody holds it.
    return (error as { errcode?: number }).errcode === SQLITE_BUSY
  }
}
