import { hashJson } from '../kernel/json.ts'
import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ColumnTreatment, Treatments } from '../sources/sources.ts'
import { activePolicies, type PersonalPolicies, type PersonalPolicy } from './definition.ts'
import type { LeaveOut } from './leave-out.ts'
import { hmacSql, setHmacKey } from './hmac.ts'
import type { PrivacyKey } from './keys.ts'
import { maskSql, maskValue } from './mask.ts'

type ActivePolicy = Exclude<PersonalPolicy, 'keep' | false>

/** The policies of a dataset as its files are read, and what of them decides about the bytes that are stored. */
export interface Protection extends Treatments {
  /** Empty without policies; another one for every change of what is stored. */
  id: string
  /** Gives a session what the treatments' SQL needs. */
  prepare: (session: AnalyticsSession) => Promise<void>
  /** Rows of people who were erased, which stay out. */
  leaveOut: LeaveOut
}

/** `key` is needed when a column is hashed. */
export function protectionOf(
  personal: PersonalPolicies | undefined,
  key: PrivacyKey | undefined,
  leaveOut: LeaveOut,
): Protection {
  const policies = activePolicies(personal)
  const columns = new Map(policies.map(([column, policy]) => [column, treat(policy)]))
  const keyId = usesKey(personal) ? key!.id : undefined
  return {
    columns,
    leaveOut,
    id: policies.length === 0 ? '' : hashJson({ policies: Object.fromEntries(policies), keyId }).slice(0, 16),
    async prepare(session) {
      if (keyId !== undefined) await setHmacKey(session, key!.bytes)
    },
  }
}

export function usesKey(personal: PersonalPolicies | undefined): boolean {
  return activePolicies(personal).some(([, policy]) => policy === 'hash')
}

function treat(policy: ActivePolicy): ColumnTreatment {
  const text = { asText: true, show: maskValue } as const
  if (policy === 'drop') return { ...text, stored: null }
  if (policy === 'hash') return { ...text, stored: { type: 'VARCHAR', of: (value) => hmacSql(value) } }
  if (policy === 'mask') return { ...text, stored: { type: 'VARCHAR', of: maskSql } }
  if ('first' in policy) {
    return { ...text, stored: { type: 'VARCHAR', of: (value) => `left(${value}, ${policy.first})` } }
  }
  const typed = { asText: false, show: maskValue } as const
  if ('bucket' in policy) {
    const { bucket } = policy
    const type = Number.isInteger(bucket) ? 'BIGINT' : 'DOUBLE'
    const of = (value: string): string =>
      `TRY_CAST(floor(TRY_CAST(${value} AS DOUBLE) / ${bucket}) * ${bucket} AS ${type})`
    return { ...typed, stored: { type, of } }
  }
  const date = (value: string): string =>
    `coalesce(TRY_CAST(${value} AS DATE), CAST(TRY_CAST(${value} AS TIMESTAMP) AS DATE))`
  return policy.to === 'year'
    ? { ...typed, stored: { type: 'BIGINT', of: (value) => `year(${date(value)})` } }
    : {
        ...typed,
        stored: { type: 'DATE', of: (value) => `CAST(date_trunc('month', ${date(value)}) AS DATE)` },
      }
}
