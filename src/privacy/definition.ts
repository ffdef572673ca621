import { z } from 'zod'

/**
 * What is done with a personal column before it is stored or logged:
 * - `'drop'`: it is not stored.
 * - `'hash'`: HMAC-SHA-256 of its text with the project's privacy key, as 64 hex digits; equal values stay equal.
 * - `'mask'`: the domain of an e-mail address, the last four characters of a long number, the first letter of other text.
 * - `{ to: 'year' }`, `{ to: 'month' }`: a date becomes its year (a number), or the first day of its month.
 * - `{ first: 3 }`: the first characters, as of a postal code.
 * - `{ bucket: 10 }`: a number becomes the lower end of its bucket.
 * - `'keep'`: it is personal and is stored as it is.
 * - `false`: it is not personal, whatever it looks like.
 */
export const personalPolicy = z.union([
  z.enum(['drop', 'hash', 'mask', 'keep']),
  z.literal(false),
  z.strictObject({ to: z.enum(['year', 'month']) }),
  z.strictObject({ first: z.number().int().min(1).max(20) }),
  z.strictObject({ bucket: z.number().positive() }),
])
export type PersonalPolicy = z.infer<typeof personalPolicy>

/** Policies by the name of their column. */
export const personalPolicies = z.record(z.string().min(1), personalPolicy)
export type PersonalPolicies = z.infer<typeof personalPolicies>

/** Those that change what is stored, by column; undefined when there are none. */
export function protectingPolicies(personal: PersonalPolicies | undefined): PersonalPolicies | undefined {
  const active = activePolicies(personal)
  return active.length === 0 ? undefined : Object.fromEntries(active)
}

/** Those that change what is stored. */
export function activePolicies(
  personal: PersonalPolicies | undefined,
): [column: string, policy: Exclude<PersonalPolicy, 'keep' | false>][] {
  return Object.entries(personal ?? {}).flatMap(
    ([column, policy]): [string, Exclude<PersonalPolicy, 'keep' | false>][] =>
      policy === 'keep' || policy === false ? [] : [[column, policy]],
  )
}
