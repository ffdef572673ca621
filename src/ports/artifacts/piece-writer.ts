import type { FileHandle } from 'node:fs/promises'

const BYTES_AT_ONCE = 1 << 20

/** Writes small pieces together, while the next of them come: one by one each would wait for the one before. */
export class PieceWriter {
  readonly #file: FileHandle
  #filling = Buffer.allocUnsafeSlow(BYTES_AT_ONCE)
  #filled = 0
  #other = Buffer.allocUnsafeSlow(BYTES_AT_ONCE)
  /** The write of `#other`. */
  #written = Promise.resolve()

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** Takes a copy of a piece. Throws what an earlier write threw. */
  async add(piece: Uint8Array): Promise<void> {
    for (let start = 0; start < piece.byteLength;) {
      const part = piece.subarray(start, start + BYTES_AT_ONCE - this.#filled)
      this.#filling.set(part, this.#filled)
      this.#filled += part.byteLength
      start += part.byteLength
      if (this.#filled === BYTES_AT_ONCE) await this.#write()
    }
  }

  /** Everything is written when it is over. */
  async end(): Promise<void> {
    await this.#write()
    await this.#written
  }

  async #write(): Promise<void> {
    await this.#written
    this.#written = this.#file.writeFile(this.#filling.subarray(0, this.#filled))
    // It is thrown where the next write waits for this one.
    this.#written.catch(() => undefined)
    ;[this.#filling, this.#other] = [this.#other, this.#filling]
    this.#filled = 0
  }
}
