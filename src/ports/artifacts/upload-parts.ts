import { createReadStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../kernel/errors.ts'
import { randomIds } from '../../kernel/ids.ts'
import type { StoredBlob } from './artifacts.ts'
import { writeSynced } from './files.ts'

interface Part {
  number: number
  sha256: string
}

/** Parts of uploads that are under way, as files `<root>/<upload>/<number>-<sha256>`, until they become one blob. */
export class UploadParts {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** Keeps a part as it arrives. Sent again with other content, both are there until the upload ends. */
  async put(uploadId: string, number: number, chunks: AsyncIterable<Uint8Array>): Promise<StoredBlob> {
    const folder = join(this.#root, uploadId)
    await mkdir(folder, { recursive: true })
    const temporary = join(folder, `${randomIds.hex32()}.tmp`)
    try {
      const stored = await writeSynced(temporary, chunks)
      await rename(temporary, join(folder, `${number}-${stored.sha256}`)).catch((cause: unknown) => {
        throw new AppError('not_found', `The upload ${uploadId} has ended`, { cause })
      })
      return stored
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** The content of parts, one after another. */
  async *read(uploadId: string, parts: readonly Part[]): AsyncGenerator<Uint8Array> {
    for (const { number, sha256 } of parts)
      yield* createReadStream(join(this.#root, uploadId, `${number}-${sha256}`), {
        highWaterMark: 1 << 20,
      }) as AsyncIterable<Uint8Array>
  }

  async remove(uploadId: string): Promise<void> {
    await rm(join(this.#root, uploadId), { recursive: true, force: true })
  }
}
