import { amount } from '../kernel/amount.ts'
import { createReadStream } from 'node:fs'
import { MAX_DEPTH, MAX_ROW_BYTES } from './limits.ts'
import { problem, type ReadProblem } from './reading.ts'

const CHUNK_BYTES = 1 << 20
const NEWLINE = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Looks at a piece of a file and says what is wrong in it. */
type Scanner = (chunk: Buffer) => string | undefined

/**
 * Reads a text file once, in bounded memory, for what DuckDB must not be given: text that is not UTF-8 by its first bytes, NUL bytes, rows without
 * measure, and nesting that no stack holds.
 */
export async function scanText(path: string, format: 'csv' | 'json'): Promise<ReadProblem | undefined> {
  const scan = format === 'csv' ? scanCsv() : scanJson()
  let offset = 0
  for await (const read of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const chunk = read as Buffer
    const wrong = offset === 0 ? encodingProblem(chunk, format) : undefined
    if (wrong !== undefined) return problem(wrong)
    const nul = chunk.indexOf(0)
    if (nul >= 0) {
      const line = amount(await lineOf(path, offset + nul))
      return problem(`line ${line} holds a NUL byte: it is no text, or UTF-16; write it as UTF-8`)
    }
    const found = scan(chunk)
    if (found !== undefined) return problem(found)
    offset += chunk.length
  }
  return undefined
}

/** The line, counted from 1, that holds the byte at an offset. */
async function lineOf(path: string, offset: number): Promise<number> {
  let line = 1
  if (offset === 0) return line
  for await (const read of createReadStream(path, { end: offset - 1, highWaterMark: CHUNK_BYTES }))
    for (const byte of read as Buffer) if (byte === NEWLINE) line++
  return line
}

function encodingProblem(chunk: Buffer, format: 'csv' | 'json'): string | undefined {
  const [a, b, c] = chunk
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return 'it is UTF-16: write it as UTF-8'
  if (format === 'json' && a === 0xef && b === 0xbb && c === 0xbf)
    return 'it begins with a byte order mark, which JSON does not have: write it without one'
  return undefined
}

/** A row ends at a line end outside quotes; a quote within quotes is written twice, which keeps the count even. */
function scanCsv(): Scanner {
  let row = 0
  let quoted = false
  /** Bytes of the row in the pieces before this one. */
  let before = 0
  return (chunk) => {
    let start = -before
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (byte === QUOTE) quoted = !quoted
      else if (byte === NEWLINE && !quoted) {
        if (at - start > MAX_ROW_BYTES) return tooLong('row', row)
        row++
        start = at + 1
      }
    }
    before = chunk.length - start
    return before > MAX_ROW_BYTES ? tooLong('row', row) : undefined
  }
}

function tooLong(unit: string, number: number): string {
  return `${unit} ${amount(number)} is longer than ${amount(MAX_ROW_BYTES)} bytes (is a quote not closed?)`
}

/** Elements are those of the outermost array, or one after another. */
function scanJson(): Scanner {
  let depth = 0
  /** How deep elements lie: 1 in an array, 0 without. */
  let base = -1
  let element = 1
  let inString = false
  let escaped = false
  let before = 0
  return (chunk) => {
    let start = -before
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (inString) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inString = false
      } else if (byte === QUOTE) inString = true
      else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
        if (base < 0) base = byte === OPEN_BRACKET ? 1 : 0
        depth++
        if (depth > MAX_DEPTH)
          return `element ${amount(element)} is nested more than ${amount(MAX_DEPTH)} deep`
      } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--
      // What stands between elements belongs to none.
      else if (depth === base && (byte === COMMA || byte === NEWLINE)) {
        if (at - start > MAX_ROW_BYTES) return tooLong('element', element)
        if (byte === COMMA || base === 0) element++
        start = at + 1
      }
    }
    before = chunk.length - start
    return before > MAX_ROW_BYTES ? tooLong('element', element) : undefined
  }
}
