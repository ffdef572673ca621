import { createHash } from 'node:crypto'

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/**
 * Canonical JSON (RFC 8785): members sorted by UTF-16 code units, no spaces, ECMAScript numbers.
 * Equal values give equal text, so the text can be hashed. Members that are `undefined` are left out.
 * Throws a TypeError for what JSON cannot carry (NaN, infinities, functions, bigint).
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`JSON cannot carry ${value}`)
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value !== 'object') throw new TypeError(`JSON cannot carry a ${typeof value}`)
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}

/** The third argument of a reviver is not among the types yet. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (name: string, value: unknown, context: { source?: string }) => unknown,
) => unknown

/**
 * JSON in which a whole number beyond ±(2⁵³ − 1) is what `inexact` makes of its text, for a number would be rounded to another one; `name` is its
 * member or place. Throws a SyntaxError for what is no JSON.
 */
export function parseExactJson(text: string, inexact: (source: string, name: string) => unknown): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text)
  return parseWithSource(text, (name, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source!)
      ? inexact(source!, name)
      : value,
  )
}

/** SHA-256 as 64 lower-case hex digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** The SHA-256 of the canonical JSON of a value. */
export function hashJson(value: unknown): string {
  return sha256(canonicalJson(value))
}
