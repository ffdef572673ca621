import { CATEGORY_CELLS_BEFORE, NUMBER_CELLS_BEFORE } from './bins.ts'
import type { FrozenBins } from './bins.ts'
import { chiSquareTail, kolmogorovQ } from './special.ts'

type Counts = ArrayLike<number>

function total(counts: Counts): number {
  let sum = 0
  for (let i = 0; i < counts.length; i++) sum += counts[i]!
  return sum
}

/**
 * Population stability index Σ (p−q)·ln(p/q). Half a count is added to every cell that either side has filled, so that
 * an empty cell is finite. Compare it with `expectedPsi`: 0.1 means nothing without the sample sizes.
 */
export function psi(reference: Counts, current: Counts): number {
  const cells = filledCells(reference, current)
  const n = total(reference) + 0.5 * cells
  const m = total(current) + 0.5 * cells
  let sum = 0
  for (let i = 0; i < reference.length; i++) {
    if (reference[i]! + current[i]! <= 0) continue
    const p = (reference[i]! + 0.5) / n
    const q = (current[i]! + 0.5) / m
    sum += (p - q) * Math.log(p / q)
  }
  return sum
}

/** What PSI averages when nothing has changed: (B−1)(1/n + 1/m) over the B filled cells. */
export function expectedPsi(reference: Counts, current: Counts): number {
  const [n, m] = [total(reference), total(current)]
  return n === 0 || m === 0 ? 0 : (filledCells(reference, current) - 1) * (1 / n + 1 / m)
}

function filledCells(reference: Counts, current: Counts): number {
  let cells = 0
  for (let i = 0; i < reference.length; i++) if (reference[i]! + current[i]! > 0) cells++
  return cells
}

/** Jensen–Shannon distance with log2: 0 for equal, 1 for disjoint distributions. 0 when either side is empty. */
export function jensenShannon(reference: Counts, current: Counts): number {
  return Math.sqrt(
    sumShares(reference, current, (p, q) => {
      const middle = (p + q) / 2
      return (p > 0 ? p * Math.log2(p / middle) : 0) / 2 + (q > 0 ? q * Math.log2(q / middle) : 0) / 2
    }),
  )
}

/** Hellinger distance √(1 − Σ√(pq)), in [0, 1]; computed as ½Σ(√p − √q)², which loses no digits near 0. */
export function hellinger(reference: Counts, current: Counts): number {
  return Math.sqrt(sumShares(reference, current, (p, q) => (Math.sqrt(p) - Math.sqrt(q)) ** 2 / 2))
}

/** Total variation distance ½Σ|p−q|. */
export function totalVariation(reference: Counts, current: Counts): number {
  return sumShares(reference, current, (p, q) => Math.abs(p - q) / 2)
}

/** L∞: the largest difference of any cell's share. */
export function largestDifference(reference: Counts, current: Counts): number {
  let largest = 0
  sumShares(reference, current, (p, q) => {
    largest = Math.max(largest, Math.abs(p - q))
    return 0
  })
  return largest
}

function sumShares(reference: Counts, current: Counts, term: (p: number, q: number) => number): number {
  const [n, m] = [total(reference), total(current)]
  if (n === 0 || m === 0) return 0
  let sum = 0
  for (let i = 0; i < reference.length; i++) sum += term(reference[i]! / n, current[i]! / m)
  return Math.max(0, sum)
}

/**
 * χ² of the 2 × B table with Cramér's V as the effect size. Neighbouring cells are merged until each expected count is
 * at least 5. Independent rows are assumed: rows of one day are not, so alerts are calibrated by blocks instead.
 */
export function chiSquare(
  reference: Counts,
  current: Counts,
): { statistic: number; df: number; pValue: number; cramersV: number } {
  const [n, m] = [total(reference), total(current)]
  const all = n + m
  let [statistic, groups, held, heldCurrent] = [0, 0, 0, 0]
  let left = all
  const cells = n > 0 && m > 0 ? reference.length : 0
  const needed = (5 * all) / Math.min(n, m)
  for (let i = 0; i < cells; i++) {
    const cell = reference[i]! + current[i]!
    held += cell
    heldCurrent += current[i]!
    left -= cell
    if (held < needed || (left > 0 && left < needed)) continue
    const expected = (held * m) / all
    const difference = heldCurrent - expected
    statistic += (difference * difference) / expected + (difference * difference) / (held - expected)
    groups++
    held = 0
    heldCurrent = 0
  }
  const df = Math.max(0, groups - 1)
  return {
    statistic,
    df,
    pValue: chiSquareTail(statistic, df),
    cramersV: df > 0 ? Math.sqrt(statistic / all) : 0,
  }
}

/**
 * Two-sample Kolmogorov–Smirnov over ordered cells (underflow, bins, overflow): the largest difference of the two
 * distribution functions at the edges, a lower bound of the unbinned one. p-value by Stephens' approximation.
 */
export function kolmogorovSmirnov(reference: Counts, current: Counts): { distance: number; pValue: number } {
  const [n, m] = [total(reference), total(current)]
  if (n === 0 || m === 0) return { distance: 0, pValue: 1 }
  let [distance, f, g] = [0, 0, 0]
  for (let i = 0; i < reference.length; i++) {
    f += reference[i]!
    g += current[i]!
    distance = Math.max(distance, Math.abs(f / n - g / m))
  }
  const root = Math.sqrt((n * m) / (n + m))
  return { distance, pValue: kolmogorovQ((root + 0.12 + 0.11 / root) * distance) }
}

/**
 * Wasserstein distance ∫|F−G|dx between the edges, in the feature's unit: mass is spread evenly inside a bin, and what
 * lies below or above the edges counts as if it lay on them. `counts` are ordered cells (underflow, bins, overflow).
 */
export function wasserstein(reference: Counts, current: Counts, edges: readonly number[]): number {
  const [n, m] = [total(reference), total(current)]
  if (n === 0 || m === 0) return 0
  let difference = reference[0]! / n - current[0]! / m
  let sum = 0
  for (let i = 0; i + 1 < edges.length; i++) {
    const next = difference + reference[i + 1]! / n - current[i + 1]! / m
    sum += (edges[i + 1]! - edges[i]!) * meanAbsolute(difference, next)
    difference = next
  }
  return sum
}

/** The mean of |x| along a line from a to b. */
function meanAbsolute(a: number, b: number): number {
  if (a * b >= 0) return Math.abs(a + b) / 2
  return (a * a + b * b) / (2 * Math.abs(a - b))
}

/** Mean and standard deviation as the bins show them (bin centres plus the spread inside an even bin). */
export function binnedMoments(counts: Counts, edges: readonly number[]): { mean: number; sd: number } {
  let [n, sum, squares] = [0, 0, 0]
  for (let i = 0; i <= edges.length; i++) {
    const count = counts[i]!
    const low = edges[Math.max(0, i - 1)]!
    const high = edges[Math.min(edges.length - 1, i)]!
    const centre = low / 2 + high / 2
    n += count
    sum += count * centre
    squares += count * (centre * centre + (high - low) ** 2 / 12)
  }
  if (n === 0) return { mean: 0, sd: 0 }
  return { mean: sum / n, sd: Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)) }
}

export type Comparison = {
  rows: { reference: number; current: number }
  /** Share of null (and NaN), and of values outside the frozen bins, on both sides. */
  missing: { reference: number; current: number }
  outside: { reference: number; current: number }
  psi: number
  expectedPsi: number
  jensenShannon: number
  hellinger: number
  totalVariation: number
  largestDifference: number
  chiSquare: { statistic: number; df: number; pValue: number; cramersV: number }
  /** Numbers only, over the values that are present. The Wasserstein distance also in reference standard deviations. */
  ordered?: {
    kolmogorovSmirnov: { distance: number; pValue: number }
    wasserstein: number
    wassersteinSd: number
  }
}

/** Every divergence between two count vectors over the same frozen bins (all cells, as a profile holds them). */
export function compareCounts(reference: Counts, current: Counts, bins: FrozenBins): Comparison {
  const comparison: Comparison = {
    rows: { reference: total(reference), current: total(current) },
    missing: { reference: missingShare(reference, bins), current: missingShare(current, bins) },
    outside: { reference: outsideShare(reference, bins), current: outsideShare(current, bins) },
    psi: psi(reference, current),
    expectedPsi: expectedPsi(reference, current),
    jensenShannon: jensenShannon(reference, current),
    hellinger: hellinger(reference, current),
    totalVariation: totalVariation(reference, current),
    largestDifference: largestDifference(reference, current),
    chiSquare: chiSquare(reference, current),
  }
  if (bins.kind === 'number') {
    const p = Array.prototype.slice.call(reference, NUMBER_CELLS_BEFORE - 1) as number[]
    const q = Array.prototype.slice.call(current, NUMBER_CELLS_BEFORE - 1) as number[]
    const distance = wasserstein(p, q, bins.edges)
    const { sd } = binnedMoments(p, bins.edges)
    comparison.ordered = {
      kolmogorovSmirnov: kolmogorovSmirnov(p, q),
      wasserstein: distance,
      wassersteinSd: sd > 0 ? distance / sd : 0,
    }
  }
  return comparison
}

function missingShare(counts: Counts, bins: FrozenBins): number {
  const all = total(counts)
  return all === 0 ? 0 : (counts[0]! + (bins.kind === 'number' ? counts[1]! : 0)) / all
}

function outsideShare(counts: Counts, bins: FrozenBins): number {
  const all = total(counts)
  if (all === 0) return 0
  if (bins.kind === 'category') return counts[CATEGORY_CELLS_BEFORE - 1]! / all
  return (counts[NUMBER_CELLS_BEFORE - 1]! + counts[counts.length - 1]!) / all
}
