import { AppError } from '../kernel/errors.ts'

/**
 * Whole numbers, mostly zero, as bytes: for each that is not zero the distance from the one before and the number, both
 * as variable-length integers (LEB128; numbers zigzag-coded, so negative ones are short too). Each must be below 2^51 in
 * size. Appended to `header`.
 */
export function encodeCounts(counts: Float64Array, header: Uint8Array): Uint8Array {
  let filled = 0
  for (const count of counts) if (count !== 0) filled++
  const bytes = new Uint8Array(header.length + 5 + filled * 13)
  bytes.set(header)
  let at = writeVarint(bytes, header.length, filled)
  let previous = -1
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!
    if (count === 0) continue
    at = writeVarint(bytes, at, i - previous - 1)
    at = writeVarint(bytes, at, count < 0 ? -2 * count - 1 : 2 * count)
    previous = i
  }
  return bytes.slice(0, at)
}

/** The inverse of `encodeCounts`, into a vector of `length` numbers. Throws `invalid` when the bytes are damaged. */
export function decodeCounts(bytes: Uint8Array, headerLength: number, length: number): Float64Array {
  const counts = new Float64Array(length)
  const reader = { bytes, at: headerLength }
  const filled = readVarint(reader)
  let position = -1
  for (let i = 0; i < filled; i++) {
    position += readVarint(reader) + 1
    if (position >= length) throw damaged(`cell ${position} of ${length}`)
    const value = readVarint(reader)
    counts[position] = value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  if (reader.at !== bytes.length) throw damaged(`${bytes.length - reader.at} bytes too many`)
  return counts
}

function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 128) {
    bytes[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = rest
  return at
}

function readVarint(reader: { bytes: Uint8Array; at: number }): number {
  let value = 0
  let scale = 1
  for (;;) {
    const byte = reader.bytes[reader.at++]
    if (byte === undefined || scale > 2 ** 49) throw damaged('they end too early')
    value += (byte & 127) * scale
    if (byte < 128) return value
    scale *= 128
  }
}

function damaged(what: string): AppError {
  return new AppError('invalid', `The bytes hold no valid counts: ${what}.`)
}
