import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { ViewSpec } from '../features/schema.ts'
import { listLiveViews } from '../features/features.ts'
import { listMaterializationStates, type MaterializationState } from './store-history.ts'
import { listSummaries } from './store-summaries.ts'
import type { ViewSummary } from './summarise-view.ts'

const HISTORY_MS = 7 * DAY_MS
const HISTORY_POINTS = 200

export interface ViewPage {
  spec: ViewSpec
  /** Hashes of earlier definitions that are kept up to date for the versions that use them. */
  earlier: string[]
  /** What the online store held over the last week, in order, thinned. */
  states: MaterializationState[]
  /** How its values are distributed: newest first, at most two. Computed once a day. */
  summaries: ViewSummary[]
}

/** The current definition of a view, its freshness over time and its values. Throws `not_found`. */
export async function getViewPage(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, name }: Caller & { name: string },
): Promise<ViewPage> {
  requirePermission(actor, 'view', projectId)
  const live = await listLiveViews(db.read, { projectId, name })
  const current = live.find((view) => view.current)
  if (!current) throw new AppError('not_found', `There is no feature view ${name}`)
  const { spec } = current
  const nowMs = clock.now()
  const span = { projectId, view: spec, fromMs: nowMs - HISTORY_MS, toMs: nowMs }
  return {
    spec,
    earlier: live.filter((view) => !view.current).map((view) => view.spec.definitionHash),
    states: thinned(await listMaterializationStates(db.read, span)),
    summaries: await listSummaries(db.read, { projectId, spec, limit: 2 }),
  }
}

function thinned(states: readonly MaterializationState[]): MaterializationState[] {
  const step = Math.max(1, Math.ceil(states.length / HISTORY_POINTS))
  return states.filter((_, index) => (states.length - 1 - index) % step === 0)
}
