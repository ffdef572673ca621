import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder with those above it, where something may be written into it. Asked to make several where nothing may be written, Node
 * says that a folder is missing (ENOENT): so the nearest one that is there is asked first, and fails with the true reason.
 */
export function makeFolder(folder: string): void {
  let nearest = folder
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest)
  accessSync(nearest, constants.W_OK)
  mkdirSync(folder, { recursive: true })
}
