import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'

/** Holds a gateway's folder for one process, so that nobody recovers a spool that is being written. The kernel frees it. */
export function lockGateway({ dataDir, gatewayId }: Pick<Config, 'dataDir' | 'gatewayId'>): Disposable {
  const folder = join(dataDir, 'gateway', gatewayId)
  mkdirSync(folder, { recursive: true })
  const database = new DatabaseSync(join(folder, 'lock.db'), { timeout: 2000 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    throw new AppError(
      'conflict',
      `Another gateway works on ${folder}. Give this one a name of its own with TIDEMILL_GATEWAY_ID.`,
      { cause },
    )
  }
  return { [Symbol.dispose]: () => database.close() }
}
