import { createHash } from 'node:crypto'
import { copyFile, constants, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hashFile } from '../../kernel/hash-file.ts'
import { AppError } from '../../kernel/errors.ts'
import { randomIds } from '../../kernel/ids.ts'
import { sha256 } from '../../kernel/json.ts'
import type { Artifacts, StoredBlob } from './artifacts.ts'

/** Blobs as files under `<root>/ab/cdef…`: written to a temporary name, synced, renamed. */
export function fileArtifacts(root: string): Artifacts {
  const pathOf = (hash: string): string => {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new AppError('invalid', `${hash} is no SHA-256`)
    return join(root, hash.slice(0, 2), hash.slice(2))
  }
  const exists = (hash: string): Promise<boolean> =>
    stat(pathOf(hash)).then(
      () => true,
      () => false,
    )
  /** A repeated put is seen by the garbage collector. False when there is no such blob. */
  const renew = (hash: string): Promise<boolean> =>
    utimes(pathOf(hash), new Date(), new Date()).then(
      () => true,
      () => false,
    )
  const gone = (hash: string) => (cause: unknown) => {
    throw new AppError('not_found', `The blob ${hash} is not in the artifact store`, { cause })
  }
  return {
    async put(bytes) {
      const blob = { sha256: sha256(bytes), sizeBytes: bytes.byteLength }
      if (!(await renew(blob.sha256))) {
        await settle(pathOf(blob.sha256), async (temporary) => {
          const file = await open(temporary, 'wx')
          try {
            await file.writeFile(bytes)
            await file.sync()
          } finally {
            await file.close()
          }
        })
      }
      return blob
    },
    async putStream(chunks) {
      const temporary = join(root, 'incoming', `${randomIds.hex32()}.tmp`)
      await mkdir(dirname(temporary), { recursive: true })
      try {
        const blob = await writeSynced(temporary, chunks)
        if (!(await renew(blob.sha256)))
          await settle(pathOf(blob.sha256), (target) => rename(temporary, target))
        return blob
      } finally {
        await rm(temporary, { force: true })
      }
    },
    async putFile(path) {
      const blob = await hashFile(path)
      if (!(await renew(blob.sha256))) {
        await settle(pathOf(blob.sha256), async (temporary) => {
          await copyFile(path, temporary, constants.COPYFILE_FICLONE)
          const copied = await hashFile(temporary)
          if (copied.sha256 !== blob.sha256) {
            throw new AppError('conflict', `${path} changed while it was being stored`)
          }
          const file = await open(temporary, 'r+')
          await file.sync().finally(() => file.close())
        })
      }
      return blob
    },
    bytes: (hash) => readFile(pathOf(hash)).catch(gone(hash)),
    async localPath(hash) {
      const path = pathOf(hash)
      await stat(path).catch(gone(hash))
      return path
    },
    has: exists,
    async deleteUnused(hash, putBeforeMs) {
      const path = pathOf(hash)
      const aside = `${path}.condemned`
      // Moved aside first: a put that comes now writes the blob anew, one that came before shows in the time.
      try {
        await rename(path, aside)
      } catch {
        return !(await exists(hash))
      }
      const unused = (await stat(aside)).mtimeMs < putBeforeMs
      await (unused ? rm(aside) : rename(aside, path))
      return unused
    },
  }
}

/** Writes a new file from a stream, syncs it, and tells what was written. */
export async function writeSynced(path: string, chunks: AsyncIterable<Uint8Array>): Promise<StoredBlob> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const file = await open(path, 'wx')
  try {
    for await (const chunk of chunks) {
      hash.update(chunk)
      sizeBytes += chunk.byteLength
      await file.writeFile(chunk)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}

async function settle(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  const temporary = `${path}.${randomIds.hex32()}.tmp`
  try {
    await write(temporary)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  const directory = await open(folder, 'r')
  await directory.sync().finally(() => directory.close())
}
