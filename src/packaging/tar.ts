import { mkdir, open } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { AppError } from '../kernel/errors.ts'

const BLOCK = 512
const MAX_NAME = 100
const MAX_PREFIX = 155

export interface TarEntry {
  path: string
  sizeBytes: number
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** A POSIX ustar archive of plain files; nothing in it depends on the time or on who makes it. */
export async function* writeTar(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const { path, sizeBytes, content } of entries) {
    yield header(path, sizeBytes)
    yield* content
    yield Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK)
  }
  yield Buffer.alloc(2 * BLOCK)
}

function header(path: string, sizeBytes: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  const { prefix, name } = splitPath(path)
  const octal = (value: number, at: number, digits: number): void => {
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1')
  }
  block.write(name, 0, 'utf8')
  octal(0o644, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(sizeBytes, 124, 11)
  octal(0, 136, 11)
  block.write('        0', 148, 'latin1')
  block.write('ustar\u000000', 257, 'latin1')
  block.write(prefix, 345, 'utf8')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function splitPath(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= MAX_NAME) return { prefix: '', name: path }
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (Buffer.byteLength(prefix) <= MAX_PREFIX && Buffer.byteLength(name) <= MAX_NAME)
      return { prefix, name }
  }
  throw new AppError('invalid', `The path ${path} is too long for an archive`)
}

/** Writes the files of an archive below a folder; one that would leave the folder is refused. Returns their paths. */
export async function readTar(stream: AsyncIterable<Uint8Array>, folder: string): Promise<string[]> {
  const reader = new ByteReader(stream)
  const paths: string[] = []
  for (;;) {
    const block = await reader.exactly(BLOCK)
    if (block.every((byte) => byte === 0)) return paths
    const text = (at: number, length: number): string =>
      block.toString('utf8', at, at + length).replace(/\0.*$/s, '')
    const path = [text(345, MAX_PREFIX), text(0, MAX_NAME)].filter(Boolean).join('/')
    const sizeBytes = Number.parseInt(text(124, 12), 8)
    const target = resolve(folder, path)
    if (!target.startsWith(resolve(folder) + sep) || !Number.isSafeInteger(sizeBytes))
      throw new AppError('invalid', 'The archive is broken')
    await mkdir(dirname(target), { recursive: true })
    const file = await open(target, 'w')
    try {
      for (let left = sizeBytes; left > 0;) {
        const chunk = await reader.atMost(left)
        await file.writeFile(chunk)
        left -= chunk.length
      }
    } finally {
      await file.close()
    }
    await reader.exactly((BLOCK - (sizeBytes % BLOCK)) % BLOCK)
    paths.push(path)
  }
}

class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  async atMost(size: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next()
      if (done === true) throw new AppError('invalid', 'The archive ends too early')
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    const taken = this.#rest.subarray(0, size)
    this.#rest = this.#rest.subarray(size)
    return taken
  }

  async exactly(size: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let left = size; left > 0;) {
      const part = await this.atMost(left)
      parts.push(part)
      left -= part.length
    }
    return Buffer.concat(parts)
  }
}
