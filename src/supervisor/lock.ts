import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../kernel/errors.ts'
import { makeFolder } from '../kernel/make-folder.ts'

/**
 * Holds a data folder for one `up`: an exclusive lock on a small database, which the kernel frees when the
 * process dies, however it dies.
 */
export function lockDataDir(dataDir: string): Disposable {
  makeFolder(dataDir)
  const database = new DatabaseSync(join(dataDir, 'lock.db'), { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    throw new AppError(
      'conflict',
      `Another \`tidemill up\` works on ${dataDir}. Stop it, or name another folder with TIDEMILL_DATA_DIR.`,
      { cause: error },
    )
  }
  return { [Symbol.dispose]: () => database.close() }
}
