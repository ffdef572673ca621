export const MAX_BATCH = 128
const CALLS = 15
const WARM_UP_CALLS = 10
const BUDGET_MS = 200

/** What was measured when a model was loaded. */
export interface Sweep {
  /** Best cost of a call for each batch size tried, in microseconds. */
  curve: { rows: number; us: number }[]
  /** The batch size with the most rows a second: larger ones are not formed. */
  maxBatch: number
  /** Cost of a call with one row. */
  rowUs: number
  loadMs: number
}

/**
 * Doubles the batch while that pays. Trees get slower for each row beyond some size, because the runtime changes its way
 * of evaluating them; a batch is capped at the knee. `time` gives the cost of one call in microseconds.
 */
export async function sweep(
  time: (rows: number) => Promise<number>,
  maxRows: number,
): Promise<Omit<Sweep, 'loadMs'>> {
  const until = performance.now() + BUDGET_MS
  const curve: Sweep['curve'] = []
  for (let call = 0; call < WARM_UP_CALLS && performance.now() < until; call++) await time(1)
  for (let rows = 1; rows <= maxRows; rows *= 2) {
    let us = Infinity
    for (let call = 0; call < CALLS && (call === 0 || performance.now() < until); call++) {
      us = Math.min(us, await time(rows))
    }
    curve.push({ rows, us })
    if (performance.now() >= until) break
  }
  const fastest = curve.reduce((a, b) => (b.rows / b.us > a.rows / a.us ? b : a))
  // The smallest size that is within a tenth of the best: it makes the first of a batch wait less.
  const knee = curve.find(({ rows, us }) => rows / us >= (0.9 * fastest.rows) / fastest.us) ?? fastest
  return { curve, maxBatch: Math.max(knee.rows, Math.min(maxRows, 8)), rowUs: curve[0]!.us }
}
