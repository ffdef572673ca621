const MAGIC = 0x184d2204
const UNCOMPRESSED = 0x80000000

/**
 * Decodes an LZ4 frame (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md) of at most `maxBytes`. Checksums are not verified: what is decoded here
 * is checked by its length and by whoever reads it. Throws an Error for what is no such frame.
 */
export function decodeLz4Frame(frame: Uint8Array, maxBytes: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  if (view.getUint32(0, true) !== MAGIC) throw new Error('no LZ4 frame')
  const flags = view.getUint8(4)
  if (flags >> 6 !== 1 || (flags & 1) === 1) throw new Error('an LZ4 frame of an unknown version')
  const hasContentSize = (flags & 8) !== 0
  const blockTrailer = (flags & 16) === 0 ? 0 : 4
  const output = new Output(maxBytes)
  let at = 7 + (hasContentSize ? 8 : 0)
  for (;;) {
    const size = view.getUint32(at, true)
    at += 4
    if (size === 0) return output.bytes()
    const length = size & ~UNCOMPRESSED
    if (at + length > frame.byteLength) throw new Error('the LZ4 frame breaks off')
    const block = frame.subarray(at, at + length)
    if ((size & UNCOMPRESSED) === 0) decodeBlock(block, output)
    else output.append(block)
    at += length + blockTrailer
  }
}

/** Sequences of literals and of copies from what was decoded before, also in earlier blocks. */
function decodeBlock(block: Uint8Array, output: Output): void {
  let at = 0
  const next = (): number => {
    if (at >= block.byteLength) throw new Error('an LZ4 block breaks off')
    return block[at++]!
  }
  const lengthFrom = (nibble: number): number => {
    let length = nibble
    if (nibble < 15) return length
    for (let more = 255; more === 255; length += more) more = next()
    return length
  }
  while (at < block.byteLength) {
    const token = next()
    const literals = lengthFrom(token >> 4)
    if (at + literals > block.byteLength) throw new Error('an LZ4 block breaks off')
    output.append(block.subarray(at, at + literals))
    at += literals
    if (at === block.byteLength) return
    const distance = next() | (next() << 8)
    output.repeat(distance, lengthFrom(token & 15) + 4)
  }
}

/** Bytes that grow up to a limit. */
class Output {
  readonly #maxBytes: number
  #buffer = new Uint8Array(1 << 16)
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.byteLength
  }

  /** Copies from `distance` bytes back; the copy may overlap what it writes. */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.#length) throw new Error('an LZ4 block points outside')
    this.#reserve(count)
    const buffer = this.#buffer
    for (let from = this.#length - distance, to = this.#length; to < this.#length + count;)
      buffer[to++] = buffer[from++]!
    this.#length += count
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed > this.#maxBytes) throw new Error(`it grows to more than ${this.#maxBytes} bytes`)
    if (needed <= this.#buffer.byteLength) return
    const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(needed, this.#buffer.byteLength * 2)))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}
