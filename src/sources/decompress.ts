import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Transform, type Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { AppError, messageOf } from '../kernel/errors.ts'
import { mostBytes } from './limits.ts'
import type { Compression, ReadProblem } from './reading.ts'
import { problem } from './reading.ts'

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
  const most = mostBytes(size)
  try {
    await pipeline(createReadStream(path), OPEN[compression](), atMost(most), createWriteStream(target))
    return undefined
  } catch (error) {
    if (error instanceof AppError) return problem(error.message)
    const { code = '' } = error as NodeJS.ErrnoException
    // Of the system, such as ENOSPC; those of the formats begin with ERR_ or Z.
    if (/^E(?!RR_)/.test(code)) throw error
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
