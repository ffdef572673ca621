import { AppError } from '../../kernel/errors.ts'

/** Largest frame that is believed; a longer one means that the other side is not what it should be. */
const MAX_BYTES = 256 * 1024 * 1024
const LENGTHS = 8

export interface Frame {
  header: Record<string, unknown>
  body: Uint8Array
}

/** A frame: uint32 length of a JSON header, uint32 length of a body, both little-endian, then header and body. */
export function encodeFrame(header: object, bodies: readonly Uint8Array[] = []): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const size = bodies.reduce((sum, body) => sum + body.byteLength, 0)
  if (text.length + size > MAX_BYTES)
    throw new AppError('invalid', `A call of a Python model may have ${MAX_BYTES} bytes`)
  const lengths = Buffer.alloc(LENGTHS)
  lengths.writeUInt32LE(text.length, 0)
  lengths.writeUInt32LE(size, 4)
  return Buffer.concat([lengths, text, ...bodies])
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #chunks: Buffer[] = []
  #size = 0

  /** The frames that these bytes complete. Throws for bytes that are none. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const frames: Frame[] = []
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) frames.push(frame)
    return frames
  }

  #take(): Frame | undefined {
    if (this.#size < LENGTHS) return undefined
    if (this.#chunks[0]!.length < LENGTHS) this.#join()
    const first = this.#chunks[0]!
    const header = first.readUInt32LE(0)
    const body = first.readUInt32LE(4)
    const end = LENGTHS + header + body
    if (header + body > MAX_BYTES) throw new AppError('internal', 'The Python process sent no frame')
    if (this.#size < end) return undefined
    this.#join()
    const bytes = this.#chunks[0]!
    this.#chunks = [bytes.subarray(end)]
    this.#size -= end
    const text = bytes.subarray(LENGTHS, LENGTHS + header).toString('utf8')
    // A copy, so that typed arrays may be laid over it wherever it began.
    return {
      header: JSON.parse(text) as Frame['header'],
      body: Uint8Array.prototype.slice.call(bytes, LENGTHS + header, end),
    }
  }

  #join(): void {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
  }
}
