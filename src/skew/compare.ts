import type { FeatureKind, FeatureValue } from '../features/schema.ts'

/** Below this a difference of numbers is none, whatever their size. */
const ABSOLUTE = 1e-12

/** Whether a served value is what was computed again: numbers within a relative tolerance, all else exactly, null only as null. */
export function agrees(
  kind: FeatureKind,
  served: FeatureValue,
  recomputed: FeatureValue,
  tolerance: number,
): boolean {
  if (served === null || recomputed === null) return served === recomputed
  if (kind !== 'number') return String(served) === String(recomputed)
  const [a, b] = [Number(served), Number(recomputed)]
  return Math.abs(a - b) <= Math.max(ABSOLUTE, tolerance * Math.max(Math.abs(a), Math.abs(b)))
}
