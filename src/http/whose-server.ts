import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AppError, toAppError } from '../kernel/errors.ts'
import { ApiClient } from './api-client.ts'

/** Where a server works; null where people must sign in, whom the folders of its machine do not concern. */
export interface ServerPlace {
  folder: string | null
  dataDir: string | null
}

/**
 * A command in a folder whose `up` does not run reaches whatever answers on the port. In the folder of a project, or one that holds
 * data, that is refused with `conflict`, unless the server works there; elsewhere `say` is told which server it is.
 */
export async function requireOwnServer(
  url: string,
  here: { folder: string; dataDir: string },
  say: (sentence: string) => void,
): Promise<void> {
  const { folder, dataDir } = await placeOf(url)
  if (dataDir === here.dataDir || folder === here.folder) return
  const whose = folder === null ? '' : `, that of ${folder}`
  if (!isOwnFolder(here)) return say(`Asking the server at ${url}${whose}.`)
  throw new AppError(
    'conflict',
    `No \`tidemill up\` runs in this folder. Another server answers at ${url}${whose}: start this folder's own with ` +
      `\`tidemill up\`, or name that one with --server ${url}.`,
  )
}

function isOwnFolder({ folder, dataDir }: { folder: string; dataDir: string }): boolean {
  return [join(folder, 'tidemill.config.ts'), join(dataDir, 'metadata.db')].some((path) => existsSync(path))
}

/** A server that does not know the question tells nothing. */
async function placeOf(url: string): Promise<ServerPlace> {
  try {
    return await new ApiClient(url).get<ServerPlace>('/server')
  } catch (error) {
    if (toAppError(error).code === 'unavailable') throw error
    return { folder: null, dataDir: null }
  }
}
