import { DatabaseSync } from 'node:sqlite'

/**
 * Holds a lock on a small file, which the kernel frees when the process dies, however it dies. Throws what SQLite throws while another
 * process holds it for longer than `waitMs`.
 */
export function lockFile(path: string, { waitMs = 0 } = {}): Disposable {
  const database = new DatabaseSync(path, { timeout: waitMs })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    throw error
  }
  return { [Symbol.dispose]: () => database.close() }
}
