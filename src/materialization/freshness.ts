import { listLiveViews } from '../features/features.ts'
import { onlineView, type ViewSpec } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import type { OnlineStats, OnlineStore } from '../ports/online/online.ts'
import { findMaterialization } from './store.ts'

export interface ViewFreshness {
  view: ViewSpec
  current: boolean
  /** Domain time up to which the online store holds the view's values; null before the first time. */
  materializedUntilMs: number | null
  newestEventMs: number | null
  /** Age of the newest value. */
  ageMs: number | null
  /** Keys that have a value, and how many of them are older than the ttl. */
  keys: number
  staleKeys: number
  stale: boolean
  /** False while the online store is away: then the newest event is that of the last materialization, and keys are not counted. */
  storeAnswers: boolean
}

/** How fresh the online values of each view are at this moment of domain time. */
export async function listFreshness(
  { db, online, clock }: Pick<Context, 'db' | 'online' | 'clock'>,
  { projectId }: { projectId: string },
): Promise<ViewFreshness[]> {
  const views = await listLiveViews(db.read, { projectId })
  return await Promise.all(
    views.map(async ({ spec, current }) => {
      const state = await findMaterialization(db.read, projectId, spec)
      const stats = await statsOf(online, onlineView(projectId, spec), clock.now() - spec.ttlMs)
      const { keys, older } = stats ?? { keys: 0, older: 0 }
      const newestMs = stats ? stats.newestMs : (state?.newest_event_ms ?? null)
      const ageMs = newestMs === null ? null : clock.now() - newestMs
      return {
        view: spec,
        current,
        materializedUntilMs: state?.cursor_ms ?? null,
        newestEventMs: newestMs,
        ageMs,
        keys,
        staleKeys: older,
        stale: ageMs === null || ageMs > spec.ttlMs || stats === undefined,
        storeAnswers: stats !== undefined,
      }
    }),
  )
}

/** Undefined while the store is away. */
async function statsOf(
  online: OnlineStore,
  view: string,
  beforeMs: number,
): Promise<OnlineStats | undefined> {
  try {
    return await online.stats(view, beforeMs)
  } catch (error) {
    return ignoreUnavailable(error)
  }
}

export function ignoreUnavailable(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'unavailable') return undefined
  throw error
}
