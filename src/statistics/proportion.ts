import { betaQuantile, logBeta } from './special.ts'

/** Successes out of n. */
export type Tally = { successes: number; n: number }

/** Exact Clopper–Pearson bounds, for one look at a fixed n. Each side errs with at most (1 − level)/2. */
export function clopperPearson({ successes, n }: Tally, level = 0.95): { lower: number; upper: number } {
  const tail = (1 - level) / 2
  if (n === 0) return { lower: 0, upper: 1 }
  return {
    lower: successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1),
    upper: successes === n ? 1 : betaQuantile(1 - tail, successes + 1, n - successes),
  }
}

/** Beta priors mixed with equal weight: one for any rate, two that expect a rate near 0 or near 1. */
const PRIORS = [
  [0.5, 0.5],
  [0.5, 50],
  [50, 0.5],
] as const

/** ln of the beta-binomial mixture likelihood of the rows (in their order, so without the binomial coefficient). */
function logMixture({ successes, n }: Tally): number {
  const logs = PRIORS.map(([a, b]) => logBeta(a + successes, b + n - successes) - logBeta(a, b))
  const largest = Math.max(...logs)
  return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0) / PRIORS.length)
}

function logLikelihood(rate: number, { successes, n }: Tally): number {
  const failures = n - successes
  return (successes > 0 ? successes * Math.log(rate) : 0) + (failures > 0 ? failures * Math.log1p(-rate) : 0)
}

/**
 * Bounds of a proportion that hold together at all looks with probability 1 − α: the rates that the mixture e-process
 * mixture/likelihood(rate) has not yet refuted at 1/α (Robbins 1970; Ville's inequality). No asymptotics: zero errors give
 * an upper bound of about ln(c·√n/α)/n, not zero.
 */
export function proportionSequence(tally: Tally, alpha: number): { lower: number; upper: number } {
  if (tally.n === 0) return { lower: 0, upper: 1 }
  const mixture = logMixture(tally)
  const refuted = (rate: number): boolean => mixture - logLikelihood(rate, tally) >= -Math.log(alpha)
  const estimate = tally.successes / tally.n
  return { lower: boundary(refuted, estimate, 0), upper: boundary(refuted, estimate, 1) }
}

/** Halves the way from a value that is not refuted towards `end`, to 1e-4 of it; stays on the refuted side, so it is safe. */
function boundary(refuted: (value: number) => boolean, kept: number, end: number): number {
  if (!refuted(end)) return end
  let [inside, outside] = [kept, end]
  for (let i = 0; i < 60 && Math.abs(outside - inside) > 1e-4 * Math.abs(outside - kept); i++) {
    const middle = (inside + outside) / 2
    if (refuted(middle)) outside = middle
    else inside = middle
  }
  return outside
}

/** Two arms that share no rows: successes out of n of each. */
export type TwoArms = { candidate: Tally; stable: Tally }

/**
 * Evidence against "candidate − stable = difference" in nats, from stages whose base rates may differ: ln of the product
 * over stages of mixture / greatest likelihood under that difference. An e-process (universal inference, Wasserman, Ramdas
 * and Balakrishnan 2020): it exceeds ln(1/α) at any look with probability at most α, whatever the split between the arms.
 */
export function differenceEvidence(stages: readonly TwoArms[], difference: number): number {
  return mixtureOf(stages) - greatestLikelihood(stages, difference)
}

function mixtureOf(stages: readonly TwoArms[]): number {
  return stages.reduce((sum, { candidate, stable }) => sum + logMixture(candidate) + logMixture(stable), 0)
}

function greatestLikelihood(stages: readonly TwoArms[], difference: number): number {
  let sum = 0
  for (const arms of stages) {
    const rate = restrictedRate(arms, difference)
    sum += logLikelihood(clamp(rate + difference), arms.candidate) + logLikelihood(clamp(rate), arms.stable)
  }
  return sum
}

/**
 * Bounds of the difference of two proportions that hold together at all looks with probability 1 − α. No asymptotics. When no
 * single difference fits all stages, it says nothing: [−1, 1].
 */
export function differenceProportionSequence(
  stages: readonly TwoArms[],
  alpha: number,
): { lower: number; upper: number } {
  const mixture = mixtureOf(stages)
  const refuted = (difference: number): boolean =>
    mixture - greatestLikelihood(stages, difference) >= -Math.log(alpha)
  const kept = pooledDifference(stages)
  if (refuted(kept)) return { lower: -1, upper: 1 }
  return { lower: boundary(refuted, kept, -1), upper: boundary(refuted, kept, 1) }
}

/** The difference averaged over stages, each weighted by n₁n₂/(n₁+n₂), as Mantel and Haenszel do. */
function pooledDifference(stages: readonly TwoArms[]): number {
  let [sum, weights] = [0, 0]
  for (const { candidate, stable } of stages) {
    if (candidate.n === 0 || stable.n === 0) continue
    const weight = (candidate.n * stable.n) / (candidate.n + stable.n)
    sum += weight * (candidate.successes / candidate.n - stable.successes / stable.n)
    weights += weight
  }
  return weights === 0 ? 0 : sum / weights
}

function clamp(rate: number): number {
  return Math.min(1 - 1e-15, Math.max(1e-15, rate))
}

/** The stable rate of greatest likelihood when the candidate's is higher by `difference`: Newton's steps, kept in a bracket. */
function restrictedRate({ candidate, stable }: TwoArms, difference: number): number {
  let low = Math.max(0, -difference)
  let high = Math.min(1, 1 - difference)
  if (high - low < 1e-14) return low
  const successes = candidate.successes + stable.successes
  let rate = (successes - difference * candidate.n) / (candidate.n + stable.n)
  for (let i = 0; i < 60; i++) {
    if (!(rate > low && rate < high)) rate = (low + high) / 2
    const other = rate + difference
    const score = scoreOf(candidate, other) + scoreOf(stable, rate)
    if (score > 0) low = rate
    else high = rate
    const step = score / (informationOf(candidate, other) + informationOf(stable, rate))
    rate += step
    if (Math.abs(step) < 1e-9 * rate || high - low < 1e-14) break
  }
  return Math.min(high, Math.max(low, rate))
}

function scoreOf({ successes, n }: Tally, rate: number): number {
  return (successes > 0 ? successes / rate : 0) - (n > successes ? (n - successes) / (1 - rate) : 0)
}

function informationOf({ successes, n }: Tally, rate: number): number {
  const failures = n - successes
  return (
    (successes > 0 ? successes / (rate * rate) : 0) +
    (failures > 0 ? failures / ((1 - rate) * (1 - rate)) : 0)
  )
}
