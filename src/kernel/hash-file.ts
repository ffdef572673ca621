import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** The SHA-256 of a file, as 64 lower-case hex digits, and its size; read piece by piece. */
export async function hashFile(path: string): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer)
    sizeBytes += (chunk as Buffer).byteLength
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}
