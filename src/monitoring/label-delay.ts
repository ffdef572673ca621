import { sum } from '../kernel/sum.ts'
/** Upper edges of the bins that label delays are counted in: minutes to weeks. */
const EDGES_MS = [1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 4320, 10_080, 20_160, 43_200].map(
  (minutes) => minutes * 60_000,
)

export function emptyDelays(): number[] {
  return EDGES_MS.map(() => 0).concat(0)
}

export function delayBin(delayMs: number): number {
  const bin = EDGES_MS.findIndex((edge) => delayMs <= edge)
  return bin < 0 ? EDGES_MS.length : bin
}

/** The delay within which a share of the labels came: the upper edge of its bin; null without labels, or beyond the last edge. */
export function delayQuantileMs(counts: readonly number[], share: number): number | null {
  const all = sum(counts)
  if (all === 0) return null
  let seen = 0
  for (let bin = 0; bin < counts.length; bin++) {
    seen += counts[bin]!
    if (seen >= share * all) return EDGES_MS[bin] ?? null
  }
  return null
}
