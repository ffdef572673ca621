import type { Trx } from '../ports/db/db.ts'
import type { RolloutCount, TrafficHour } from './schema.ts'
import { addCount, addTrafficHour } from './store-counts.ts'

/**
 * Adds what gateways or the label join counted, in the caller's transaction. The caller makes it idempotent (by segment).
 * Counts add up; a corrected label is added with negative `n`, `sum` and `sumSq`.
 */
export async function addRolloutCounts(
  trx: Trx,
  { projectId, counts }: { projectId: string; counts: readonly RolloutCount[] },
): Promise<void> {
  for (const count of counts) await addCount(trx, projectId, count)
}

/** Adds to the traffic by deployment, version, variant and hour. The caller makes it idempotent (by segment). */
export async function addTraffic(
  trx: Trx,
  { projectId, hours }: { projectId: string; hours: readonly TrafficHour[] },
): Promise<void> {
  for (const hour of hours) await addTrafficHour(trx, projectId, hour)
}
