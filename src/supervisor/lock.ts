import { join } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import { lockFile } from '../kernel/lock-file.ts'
import { makeFolder } from '../kernel/make-folder.ts'

/** Holds a data folder for one `up`. */
export function lockDataDir(dataDir: string): Disposable {
  makeFolder(dataDir)
  try {
    return lockFile(join(dataDir, 'lock.db'))
  } catch (error) {
    throw new AppError(
      'conflict',
      `Another \`tidemill up\` works on ${dataDir}. Stop it, or name another folder with TIDEMILL_DATA_DIR.`,
      { cause: error },
    )
  }
}
