import { createHmac } from 'node:crypto'
import type { PersonalPolicy } from './definition.ts'
import type { PrivacyKey } from './keys.ts'
import { maskValue } from './mask.ts'

type Value = string | number | bigint | boolean | null

/**
 * A policy for one value at a time, as `protectionOf` has it in SQL: what a request says of a column means the same as
 * what was stored of it. Times are ISO 8601 text, or ms since the epoch; months of the latter stay ms.
 */
export function valueTreatment(
  policy: PersonalPolicy,
  key: PrivacyKey | undefined,
): ((value: Value) => string | number | null) | undefined {
  if (policy === 'keep' || policy === false) return undefined
  const treat = treatmentFor(policy, key)
  return (value) => (value === null ? null : treat(value))
}

function treatmentFor(
  policy: Exclude<PersonalPolicy, 'keep' | false>,
  key: PrivacyKey | undefined,
): (value: string | number | bigint | boolean) => string | number | null {
  if (policy === 'drop') return () => null
  if (policy === 'hash') return (value) => keyedHash(key!, String(value))
  if (policy === 'mask') return (value) => maskValue(String(value))
  if ('first' in policy) return (value) => Array.from(String(value)).slice(0, policy.first).join('')
  if ('bucket' in policy) return (value) => finite(Math.floor(Number(value) / policy.bucket) * policy.bucket)
  return (value) => generaliseTime(typeof value === 'bigint' ? Number(value) : value, policy.to)
}

/** HMAC-SHA-256 with a project's key: what `hash` makes of a value's text. */
export function keyedHash({ bytes }: Pick<PrivacyKey, 'bytes'>, text: string): string {
  return createHmac('sha256', bytes).update(text).digest('hex')
}

function generaliseTime(value: string | number | boolean, to: 'year' | 'month'): string | number | null {
  if (typeof value === 'number') {
    const time = new Date(value)
    return finite(to === 'year' ? time.getUTCFullYear() : Date.UTC(time.getUTCFullYear(), time.getUTCMonth()))
  }
  const [, year, month] = /^(\d{4})-(\d{2})-\d{2}/.exec(String(value)) ?? []
  if (year === undefined) return null
  return to === 'year' ? Number(year) : `${year}-${month!}-01`
}

/** As the databases have it, there is one zero. */
function finite(value: number): number | null {
  if (value === 0) return 0
  return Number.isFinite(value) ? value : null
}
