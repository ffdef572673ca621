import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const BLOCK = Buffer.alloc(4096)

/** How long each of so many writes of 4 KiB took until the disk had it, in milliseconds: what a single write that is not lost costs at least. */
export function syncedWrites(folder: string, count: number): number[] {
  const file = openSync(join(folder, 'synced'), 'w')
  try {
    return Array.from({ length: count }, () => {
      const start = performance.now()
      writeSync(file, BLOCK, 0, BLOCK.length, 0)
      fdatasyncSync(file)
      return performance.now() - start
    })
  } finally {
    closeSync(file)
  }
}
