import { listProjectsWithOldViews, retireViews } from '../materialization/materialization.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { systemActor } from '../kernel/actor.ts'
import { readUsage, type Usage } from './usage.ts'

/** A version that is as young may be on its way to a deployment. */
const RECENT_MS = 7 * 86_400_000

/**
 * Retires earlier definitions of views that no live version uses: none that is deployed or was before, has an alias, is in a stage, or is
 * younger than a week of domain time.
 */
export async function retireUnusedViews(context: Pick<Context, 'db' | 'online' | 'clock'>): Promise<void> {
  for (const projectId of await listProjectsWithOldViews(context.db.read)) {
    const used = liveServices(await readUsage(context.db.read, projectId), context.clock.now())
    await retireViews(context, { projectId, actor: systemActor('retention'), used })
  }
}

function liveServices({ users, pinned }: Usage, nowMs: number): FeatureServiceSpec[] {
  const live = users.filter(
    ({ deployments, aliases, stage, createdMs }) =>
      deployments.length > 0 ||
      aliases.length > 0 ||
      stage === 'Staging' ||
      stage === 'Production' ||
      createdMs > nowMs - RECENT_MS,
  )
  return [...new Set(live.map(({ serviceId }) => serviceId))].flatMap((id) => pinned.get(id)?.spec ?? [])
}
