const NULL_LENGTH = 0xffff
const LONG_LENGTH = 0xfffe

/** A growing little-endian buffer that is used again and again: `reset`, write, then read `bytes`. */
export class ByteWriter {
  #buffer: Buffer
  #view: DataView
  #at = 0

  constructor(capacity = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity)
    this.#view = new DataView(this.#buffer.buffer)
  }

  get length(): number {
    return this.#at
  }

  /** A view of what was written; the next `reset` makes it stale. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  slice(start: number, end = this.#at): Buffer {
    return this.#buffer.subarray(start, end)
  }

  reset(length = 0): void {
    this.#at = length
  }

  reserve(extra: number): void {
    const needed = this.#at + extra
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
    this.#view = new DataView(larger.buffer)
  }

  /** Skips bytes that are filled in later; returns where they begin. */
  skip(length: number): number {
    this.reserve(length)
    this.#at += length
    return this.#at - length
  }

  u8(value: number): void {
    this.reserve(1)
    this.#view.setUint8(this.#at, value)
    this.#at += 1
  }

  u16(value: number): void {
    this.reserve(2)
    this.#view.setUint16(this.#at, value, true)
    this.#at += 2
  }

  u32(value: number): void {
    this.reserve(4)
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  f64(value: number): void {
    this.reserve(8)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  u8At(at: number, value: number): void {
    this.#view.setUint8(at, value)
  }

  u32At(at: number, value: number): void {
    this.#view.setUint32(at, value, true)
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** UTF-8 with a 16-bit length in front (a 32-bit one behind a mark when longer); null is a mark of its own. */
  text(value: string | null): void {
    if (value === null) return this.u16(NULL_LENGTH)
    const { length } = value
    this.reserve(length * 3 + 6)
    if (length < 64 && this.#ascii(value, length)) return
    const wide = length * 3 >= LONG_LENGTH
    const start = this.#at + (wide ? 6 : 2)
    const written = this.#buffer.write(value, start, 'utf8')
    if (wide) {
      this.#view.setUint16(this.#at, LONG_LENGTH, true)
      this.#view.setUint32(this.#at + 2, written, true)
    } else this.#view.setUint16(this.#at, written, true)
    this.#at = start + written
  }

  /** Short ASCII is copied by hand: several times quicker than a call into the runtime. */
  #ascii(value: string, length: number): boolean {
    const start = this.#at + 2
    const buffer = this.#buffer
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return false
      buffer[start + i] = code
    }
    this.#view.setUint16(this.#at, length, true)
    this.#at = start + length
    return true
  }
}

/** The inverse of `ByteWriter`. Throws a RangeError beyond the end. */
export class ByteReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.#buffer.length - this.#at
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1))
  }

  u16(): number {
    return this.#buffer.readUInt16LE(this.#take(2))
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4))
  }

  f64(): number {
    return this.#buffer.readDoubleLE(this.#take(8))
  }

  raw(length: number): Uint8Array {
    const start = this.#take(length)
    return this.#buffer.subarray(start, start + length)
  }

  text(): string | null {
    const mark = this.u16()
    if (mark === NULL_LENGTH) return null
    const length = mark === LONG_LENGTH ? this.u32() : mark
    const start = this.#take(length)
    return this.#buffer.toString('utf8', start, start + length)
  }

  #take(length: number): number {
    const start = this.#at
    if (start + length > this.#buffer.length) throw new RangeError('The bytes end too early')
    this.#at = start + length
    return start
  }
}
