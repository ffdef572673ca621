import { createReadStream } from 'node:fs'
import { MAX_DEPTH, MAX_ROW_BYTES } from './limits.ts'
import { amount, problem, type ReadProblem } from './reading.ts'

const CHUNK_BYTES = 1 << 20
const NEWLINE = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Looks at a piece of a file and says what is wrong in it. */
type Scanner = (chunk: Buffer) => string | undefined

/**
 * Reads a text file once, in bounded memory, for what DuckDB must not be given: text that is not UTF-8 by its first bytes, NUL bytes, rows without
 * measure, and nesting that no stack holds.
 */
export async function scanText(path: string, format: 'csv' | 'json'): Promise<ReadProblem | undefined> {
  const scan = format === 'csv' ? scanCsv() : scanJson()
  let lines = 0
  let first = true
  for await (const read of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const chunk = read as Buffer
    const wrong = first ? encodingProblem(chunk, format) : undefined
    if (wrong !== undefined) return problem(wrong)
    first = false
    const nul = chunk.indexOf(0)
    if (nul >= 0) {
      const line = lines + countNewlines(chunk.subarray(0, nul)) + 1
      return problem(`line ${amount(line)} holds a NUL byte: it is no text, or UTF-16; write it as UTF-8`)
    }
    lines += countNewlines(chunk)
    const found = scan(chunk)
    if (found !== undefined) return problem(found)
  }
  return undefined
}

function encodingProblem(chunk: Buffer, format: 'csv' | 'json'): string | undefined {
  const [a, b, c] = chunk
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return 'it is UTF-16: write it as UTF-8'
  if (format === 'json' && a === 0xef && b === 0xbb && c === 0xbf)
    return 'it begins with a byte order mark, which JSON does not have: write it without one'
  return undefined
}

function countNewlines(chunk: Buffer): number {
  let count = 0
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) count++
  return count
}

/** A row ends at a line end outside quotes; a quote within quotes is written twice, which keeps the count even. */
function scanCsv(): Scanner {
  let row = 0
  let length = 0
  let quoted = false
  return (chunk) => {
    let at = 0
    while (at < chunk.length) {
      const end = quoted ? -1 : chunk.indexOf(NEWLINE, at)
      const quote = chunk.indexOf(QUOTE, at)
      const atQuote = quote >= 0 && (end < 0 || quote < end)
      const next = atQuote ? quote + 1 : end >= 0 ? end + 1 : chunk.length
      length += next - at
      at = next
      if (length > MAX_ROW_BYTES)
        return `row ${amount(row)} is longer than ${amount(MAX_ROW_BYTES)} bytes (is a quote not closed?)`
      if (atQuote) quoted = !quoted
      else if (end >= 0) {
        row++
        length = 0
      }
    }
    return undefined
  }
}

/** Elements are those of the outermost array, or one after another. */
function scanJson(): Scanner {
  let depth = 0
  let base: number | undefined
  let element = 1
  let length = 0
  let inString = false
  let escaped = false
  return (chunk) => {
    for (const byte of chunk) {
      length++
      if (inString) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inString = false
      } else if (byte === QUOTE) inString = true
      else if (byte === 0x5b || byte === 0x7b) {
        base ??= byte === 0x5b ? 1 : 0
        if (++depth > MAX_DEPTH)
          return `element ${amount(element)} is nested more than ${amount(MAX_DEPTH)} deep`
      } else if (byte === 0x5d || byte === 0x7d) depth--
      // What stands between elements belongs to none.
      else if (depth === base && (byte === 0x2c || byte === NEWLINE)) {
        if (byte === 0x2c || base === 0) element++
        length = 0
      }
      if (length > MAX_ROW_BYTES)
        return `element ${amount(element)} is longer than ${amount(MAX_ROW_BYTES)} bytes (is a quote not closed?)`
    }
    return undefined
  }
}
