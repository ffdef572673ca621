import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Transform, type Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { AppError, messageOf } from '../kernel/errors.ts'
import type { Compression, ReadProblem } from './reading.ts'
import { problem } from './reading.ts'

/** A file may grow to this size whatever its own, and beyond it by this factor at most: tables grow 3 to 20 times. */
const ALWAYS_ALLOWED_BYTES = 256 * 2 ** 20
const MAX_GROWTH = 100

const OPEN: Readonly<Record<Exclude<Compression, 'none'>, () => Duplex>> = {
  gzip: () => createGunzip(),
  zstd: () => createZstdDecompress(),
  brotli: () => createBrotliDecompress(),
}

/** Writes what a compressed file holds to `target`. A truncated or damaged file, and one that grows without measure, is a problem. */
export async function decompress(
  path: string,
  compression: Exclude<Compression, 'none'>,
  target: string,
): Promise<ReadProblem | undefined> {
  const { size } = await stat(path)
  const most = Math.max(ALWAYS_ALLOWED_BYTES, size * MAX_GROWTH)
  try {
    await pipeline(createReadStream(path), OPEN[compression](), atMost(most), createWriteStream(target))
    return undefined
  } catch (error) {
    if (error instanceof AppError) return problem(error.message)
    const { code = '' } = error as NodeJS.ErrnoException
    if (code.startsWith('E')) throw error
    return problem(`it can't be decompressed as ${compression}: ${messageOf(error)}`)
  }
}

function atMost(bytes: number): Transform {
  let seen = 0
  return new Transform({
    transform(chunk: Buffer, _, done) {
      seen += chunk.byteLength
      if (seen <= bytes) return done(null, chunk)
      done(new AppError('invalid', `it grows to more than ${bytes} bytes, which no table of its size does`))
    },
  })
}
