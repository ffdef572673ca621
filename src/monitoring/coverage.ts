import type { WindowTotals } from './schema.ts'

/** How far a version's share of an hour may lie from its share of the day. */
const EVEN_WITHIN = 0.35
/** Hours with fewer rows say nothing about shares. */
const FEWEST_ROWS = 10

/**
 * Whether a version answered about the same share of each hour. On the day on which it became stable it did not: what
 * it was asked then differs from a whole day by the time of day alone, and is not compared with whole days.
 */
export function servesAllDay(
  hours: readonly Pick<WindowTotals, 'version' | 'variant' | 'startMs' | 'rows'>[],
  version: number,
): boolean {
  const answered = hours.filter(({ variant }) => variant !== 'shadow' && variant !== 'pinned')
  const all = new Map<number, number>()
  const own = new Map<number, number>()
  for (const { startMs, rows, version: by } of answered) {
    all.set(startMs, (all.get(startMs) ?? 0) + rows)
    if (by === version) own.set(startMs, (own.get(startMs) ?? 0) + rows)
  }
  const total = [...all.values()].reduce((sum, rows) => sum + rows, 0)
  if (total === 0) return false
  const share = [...own.values()].reduce((sum, rows) => sum + rows, 0) / total
  return [...all].every(
    ([startMs, rows]) =>
      rows < FEWEST_ROWS || Math.abs((own.get(startMs) ?? 0) / rows - share) <= EVEN_WITHIN,
  )
}
