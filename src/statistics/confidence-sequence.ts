/** Additive counts of one arm: rows, Σ value, Σ value². */
export type Moments = { n: number; sum: number; sumSq: number }

/** Looks before this many rows (pairs, or rows in the smaller arm) rest on no asymptotics and decide nothing. */
export const START_ROWS = 500

/**
 * Radius of the one-sided asymptotic confidence sequence for a mean (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021,
 * "Time-uniform central limit theory and asymptotic confidence sequences", one-sided form):
 * s·√( 2(nρ²+1)/(n²ρ²) · ln(1 + √(nρ²+1)/(2α)) ). It holds at all looks together, from about `START_ROWS` on.
 */
export function sequenceRadius(n: number, sd: number, alpha: number, rhoSquared: number): number {
  if (n <= 0) return Infinity
  const spread = n * rhoSquared + 1
  return sd * Math.sqrt(((2 * spread) / (n * n * rhoSquared)) * Math.log1p(Math.sqrt(spread) / (2 * alpha)))
}

/** ρ² that makes the sequence about tightest at `rows`: (−2 ln α + ln(−2 ln α) + 1) / rows. */
export function tuneRhoSquared(alpha: number, rows: number): number {
  const log = -2 * Math.log(alpha)
  return (log + Math.log(log) + 1) / rows
}

/** α for each of several tests, so that together they err with at most `alpha` (Bonferroni). */
export function alphaSplit(alpha: number, parts: number): number {
  return alpha / Math.max(1, parts)
}

export type SequenceInterval = { estimate: number; lower: number; upper: number; n: number }
export type SequenceOptions = { alpha: number; rhoSquared: number }

/** Mean of paired differences (shadow). `lower` and `upper` each hold with probability 1 − α over all looks. */
export function pairedSequence(differences: Moments, options: SequenceOptions): SequenceInterval {
  const { n } = differences
  if (n < 2) return { estimate: 0, lower: -Infinity, upper: Infinity, n }
  const estimate = differences.sum / n
  return around(estimate, n, sampleVariance(differences) / n, options)
}

/**
 * Difference of means (candidate − stable) of two arms that share no rows. The rows that count are the harmonic mean of
 * both arms. The split between the arms must not change while they are summed: see `combineStages`.
 */
export function differenceSequence(
  candidate: Moments,
  stable: Moments,
  options: SequenceOptions,
): SequenceInterval {
  const n = harmonicRows(candidate.n, stable.n)
  if (candidate.n < 2 || stable.n < 2) return { estimate: 0, lower: -Infinity, upper: Infinity, n }
  const estimate = candidate.sum / candidate.n - stable.sum / stable.n
  const variance = sampleVariance(candidate) / candidate.n + sampleVariance(stable) / stable.n
  return around(estimate, n, variance, options)
}

/** An interval around an estimate with the given variance, reached with `n` rows. */
export function around(
  estimate: number,
  n: number,
  variance: number,
  { alpha, rhoSquared }: SequenceOptions,
): SequenceInterval {
  const radius = sequenceRadius(n, Math.sqrt(variance * n), alpha, rhoSquared)
  return { estimate, lower: estimate - radius, upper: estimate + radius, n }
}

export function harmonicRows(a: number, b: number): number {
  return a + b === 0 ? 0 : (2 * a * b) / (a + b)
}

export function sampleVariance({ n, sum, sumSq }: Moments): number {
  return n < 2 ? 0 : Math.max(0, (sumSq - (sum * sum) / n) / (n - 1))
}
