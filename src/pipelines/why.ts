import { canonicalJson, type Json } from '../kernel/json.ts'
import type { Fingerprint } from './fingerprint.ts'

export interface Difference {
  /** The part of the fingerprint: `code`, `params`, `inputs`, … */
  part: keyof Fingerprint
  /** Which file, param or input; empty when the part is one value. */
  name: string
  from: string | null
  to: string | null
  sentence: string
}

const NOUN: Record<keyof Fingerprint, string> = {
  format: 'the format of fingerprints',
  step: 'the step’s name',
  kind: 'the kind of step',
  code: 'the code',
  files: 'the declared file',
  environment: 'the environment',
  runtime: 'the runtime',
  command: 'the command',
  params: 'the param',
  inputs: 'the input',
  outputs: 'the output',
  salt: 'the salt',
}

/** Which parts of a fingerprint differ from an earlier one, from what to what. */
export function differences(before: Fingerprint, after: Fingerprint): Difference[] {
  return (Object.keys(NOUN) as (keyof Fingerprint)[]).flatMap((part) => {
    const old = membersOf(before[part])
    const now = membersOf(after[part])
    return [...new Set([...Object.keys(old), ...Object.keys(now)])]
      .sort()
      .filter((name) => old[name] !== now[name])
      .map((name) => difference(part, name, old[name] ?? null, now[name] ?? null))
  })
}

/** How far two fingerprints are apart: the number of members that differ. */
export function distance(a: Fingerprint, b: Fingerprint): number {
  return differences(a, b).length
}

function difference(
  part: keyof Fingerprint,
  name: string,
  from: string | null,
  to: string | null,
): Difference {
  const what = name === '' ? NOUN[part] : `${NOUN[part]} ${name}`
  const change =
    from === null
      ? `is new: ${short(to!)}`
      : to === null
        ? `is gone; it was ${short(from)}`
        : `changed from ${short(from)} to ${short(to)}`
  return { part, name, from, to, sentence: `${what} ${change}` }
}

function membersOf(value: unknown): Record<string, string> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return value === null ? {} : { '': canonicalJson(value) }
  }
  return Object.fromEntries(
    Object.entries(value as Record<string, Json>).map(([k, v]) => [k, canonicalJson(v)]),
  )
}

function short(text: string): string {
  const plain = text.replace(/^"([0-9a-f]{64})"$/, '$1')
  if (/^[0-9a-f]{64}$/.test(plain)) return plain.slice(0, 12)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
