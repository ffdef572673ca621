import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { lockFile } from '../kernel/lock-file.ts'

/** Holds a gateway's folder for one process, so that nobody recovers a spool that is being written. */
export function lockGateway({ dataDir, gatewayId }: Pick<Config, 'dataDir' | 'gatewayId'>): Disposable {
  const folder = join(dataDir, 'gateway', gatewayId)
  mkdirSync(folder, { recursive: true })
  try {
    return lockFile(join(folder, 'lock.db'), { waitMs: 2000 })
  } catch (cause) {
    throw new AppError(
      'conflict',
      `Another gateway works on ${folder}. Give this one a name of its own with TIDEMILL_GATEWAY_ID.`,
      { cause },
    )
  }
}
