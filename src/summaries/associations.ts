import { sum } from '../kernel/sum.ts'
import { mergeMoments, type Moments } from './moments.ts'

/** A column of more different values is in no table of counts. */
export const MOST_CATEGORIES = 20

/** How often two columns have each two of their values together. */
export interface Contingency {
  x: string
  y: string
  cells: [x: string, y: string, count: number][]
}

/** What the finite numbers of a column are like beside each value of another. */
export interface GroupedMoments {
  category: string
  number: string
  groups: [value: string, moments: Moments][]
}

/** Undefined when a column has too many values by now. */
export function mergeContingency(a: Contingency, b: Contingency): Contingency | undefined {
  const cells = new Map(a.cells.map((cell) => [JSON.stringify(cell.slice(0, 2)), cell]))
  for (const [x, y, count] of b.cells) {
    const key = JSON.stringify([x, y])
    cells.set(key, [x, y, count + (cells.get(key)?.[2] ?? 0)])
  }
  const merged = [...cells.values()]
  const isFew = [0, 1].every((side) => new Set(merged.map((cell) => cell[side])).size <= MOST_CATEGORIES)
  return isFew ? { ...a, cells: merged } : undefined
}

/** Undefined when the column has too many values by now. */
export function mergeGrouped(a: GroupedMoments, b: GroupedMoments): GroupedMoments | undefined {
  const groups = new Map(a.groups)
  for (const [value, moments] of b.groups)
    groups.set(value, mergeMoments(groups.get(value) ?? null, moments)!)
  return groups.size <= MOST_CATEGORIES ? { ...a, groups: [...groups] } : undefined
}

/**
 * Cramér's V with Bergsma's correction of its bias (A bias-correction for Cramér's V and Tschuprow's T, 2013): 0 where nothing more than chance relates
 * the columns, 1 where one decides the other. Null where a column does not vary.
 */
export function cramersV({ cells }: Contingency): number | null {
  const n = sum(cells.map(([, , count]) => count))
  const [rows, columns] = [totals(cells, 0), totals(cells, 1)]
  const [r, k] = [rows.size, columns.size]
  if (n < 2 || r < 2 || k < 2) return null
  // χ² ÷ n is the sum of observed² ÷ (row × column), less one.
  const phi2 = sum(cells.map(([x, y, count]) => count ** 2 / (rows.get(x)! * columns.get(y)!))) - 1
  const corrected = Math.max(0, phi2 - ((r - 1) * (k - 1)) / (n - 1))
  const least = Math.min(r - 1 - (r - 1) ** 2 / (n - 1), k - 1 - (k - 1) ** 2 / (n - 1))
  return least <= 0 ? null : Math.min(1, Math.sqrt(corrected / least))
}

/**
 * The correlation ratio η (Pearson, On the general theory of skew correlation and non-linear regression, 1905): the root of the share of a number's sum of
 * squares that lies between the groups. Null where the number does not vary or there is one group.
 */
export function correlationRatio({ groups }: GroupedMoments): number | null {
  const all = groups.reduce<Moments | null>((merged, [, moments]) => mergeMoments(merged, moments), null)
  if (!all || groups.length < 2 || all.m2 <= 0) return null
  const within = sum(groups.map(([, { m2 }]) => m2))
  return Math.sqrt(Math.max(0, 1 - within / all.m2))
}

export interface WeightedPair {
  x: number
  y: number
  weight: number
}

/** Spearman's ρ: Pearson's correlation of the ranks, equal values having the mean of theirs (Kendall, Rank Correlation Methods, 1948). */
export function spearman(pairs: readonly WeightedPair[]): number | null {
  const [a, b] = [ranks(pairs, 'x'), ranks(pairs, 'y')]
  const n = sum(pairs.map(({ weight }) => weight))
  if (n < 2) return null
  const mean = (n + 1) / 2
  const product = (left: readonly number[], right: readonly number[]): number =>
    sum(pairs.map(({ weight }, at) => weight * (left[at]! - mean) * (right[at]! - mean)))
  const [sxx, syy] = [product(a, a), product(b, b)]
  if (sxx <= 0 || syy <= 0) return null
  return Math.min(1, Math.max(-1, product(a, b) / Math.sqrt(sxx * syy)))
}

function ranks(pairs: readonly WeightedPair[], side: 'x' | 'y'): number[] {
  const weights = new Map<number, number>()
  for (const pair of pairs) weights.set(pair[side], (weights.get(pair[side]) ?? 0) + pair.weight)
  const rankOf = new Map<number, number>()
  let below = 0
  for (const [value, weight] of [...weights].sort(([left], [right]) => left - right)) {
    rankOf.set(value, below + (weight + 1) / 2)
    below += weight
  }
  return pairs.map((pair) => rankOf.get(pair[side])!)
}

function totals(cells: Contingency['cells'], side: 0 | 1): Map<string, number> {
  const found = new Map<string, number>()
  for (const cell of cells) found.set(cell[side], (found.get(cell[side]) ?? 0) + cell[2])
  return found
}
