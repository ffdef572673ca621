import { createHash } from 'node:crypto'
import {
  copyFile,
  constants,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hashFile } from '../../kernel/hash-file.ts'
import { AppError } from '../../kernel/errors.ts'
import { randomIds } from '../../kernel/ids.ts'
import { sha256 } from '../../kernel/json.ts'
import type { Artifacts, StoredBlob } from './artifacts.ts'
import { PieceWriter } from './piece-writer.ts'

/**
 * Blobs as files under `<root>/ab/cdef…`: written to a temporary name in `incoming`, which lies on the same file system, synced, renamed. What is in
 * there is nothing that anybody was told of.
 */
export function fileArtifacts(root: string, incoming: string): Artifacts {
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
  /** Work with a temporary file, of which nothing stays. */
  const arrive = async <Result>(work: (temporary: string) => Promise<Result>): Promise<Result> => {
    const temporary = join(incoming, `${randomIds.hex32()}.tmp`)
    try {
      return await work(temporary)
    } finally {
      await rm(temporary, { force: true })
    }
  }
  const gone = (hash: string) => (cause: unknown) => {
    throw new AppError('not_found', `The blob ${hash} is not in the artifact store`, { cause })
  }
  return {
    async put(bytes) {
      const blob = { sha256: sha256(bytes), sizeBytes: bytes.byteLength }
      if (!(await renew(blob.sha256))) {
        await arrive(async (temporary) => {
          await writeFile(temporary, bytes, { flag: 'wx', flush: true })
          await settle(temporary, pathOf(blob.sha256))
        })
      }
      return blob
    },
    async putStream(chunks) {
      return await arrive(async (temporary) => {
        const blob = await writeSynced(temporary, chunks)
        if (!(await renew(blob.sha256))) await settle(temporary, pathOf(blob.sha256))
        return blob
      })
    },
    async putFile(path) {
      const blob = await hashFile(path)
      if (!(await renew(blob.sha256))) {
        await arrive(async (temporary) => {
          await copyFile(path, temporary, constants.COPYFILE_FICLONE)
          const copied = await hashFile(temporary)
          if (copied.sha256 !== blob.sha256) {
            throw new AppError('conflict', `${path} changed while it was being stored`)
          }
          const file = await open(temporary, 'r+')
          await file.sync().finally(() => file.close())
          await settle(temporary, pathOf(blob.sha256))
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

/** Writes a new file from a stream, syncs it, and tells what was written. A piece may change once the next is asked for. */
export async function writeSynced(path: string, chunks: AsyncIterable<Uint8Array>): Promise<StoredBlob> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const file = await open(path, 'wx')
  try {
    const writer = new PieceWriter(file)
    for await (const chunk of chunks) {
      hash.update(chunk)
      sizeBytes += chunk.byteLength
      await writer.add(chunk)
    }
    await writer.end()
    await file.sync()
  } finally {
    await file.close()
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}

/** Gives a file that is whole its place, for good. */
async function settle(temporary: string, path: string): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  await rename(temporary, path)
  const directory = await open(folder, 'r')
  await directory.sync().finally(() => directory.close())
}
