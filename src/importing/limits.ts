import { amount } from '../kernel/amount.ts'
import { AppError } from '../kernel/errors.ts'

/** How much one import brings over at most: a source may be larger than anyone thinks, or lie. */
export interface ImportLimits {
  runs: number
  metricPoints: number
  artifactBytes: number
}

export const DEFAULT_LIMITS: ImportLimits = {
  runs: 1_000_000,
  metricPoints: 1_000_000_000,
  artifactBytes: 100 * 2 ** 30,
}

const WORDS: Record<keyof ImportLimits, { option: string; of: (limit: number) => string }> = {
  runs: { option: '--max-runs', of: (limit) => `${amount(limit)} runs` },
  metricPoints: { option: '--max-points', of: (limit) => `${amount(limit)} metric points` },
  artifactBytes: {
    option: '--max-gib',
    of: (limit) => `${amount(limit / 2 ** 30)} GiB of artifacts`,
  },
}

/** Throws `invalid` when there is more than the limit. What came over before stays, and is not brought again. */
export function requireWithin(limits: ImportLimits, kind: keyof ImportLimits, value: number): void {
  if (value <= limits[kind]) return
  const { option, of } = WORDS[kind]
  throw new AppError(
    'invalid',
    `The source has more than ${of(limits[kind])}, the most that one import brings over. What came over stays; ${option} allows more.`,
    { details: { limit: limits[kind] } },
  )
}
