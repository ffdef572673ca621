import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { Trx } from '../ports/db/db.ts'
import { enqueueMaterialize, isRetired, updateRetired, updateRevived } from '../features/features.ts'
import { onlineView, type FeatureServiceSpec } from '../features/schema.ts'
import { deleteMaterialization, listRetiredWithValues } from './store.ts'

/**
 * Stops keeping earlier definitions of views up to date, but for those that the given specifications use, and removes their values
 * from the online store. A crash between the two is healed by doing it again.
 */
export async function retireViews(
  { db, online }: Pick<Context, 'db' | 'online'>,
  { projectId, actor, used }: Caller & { used: readonly FeatureServiceSpec[] },
): Promise<string[]> {
  requirePermission(actor, 'maintain', projectId)
  const kept = used.flatMap(({ views }) => views.map(({ definitionHash }) => definitionHash))
  const retired = await db.write(async (trx) => {
    const names = await updateRetired(trx, projectId, [...new Set(kept)])
    if (names.length > 0)
      await audit(trx, { projectId, actor, action: 'features.retire', subject: 'views', detail: { names } })
    return names
  })
  for (const spec of await listRetiredWithValues(db.read, projectId)) {
    await online.drop(onlineView(projectId, spec))
    await db.write(async (trx) => {
      await deleteMaterialization(trx, projectId, spec)
      // A deployment may have brought it back meanwhile: its values are computed anew.
      if (!(await isRetired(trx, projectId, spec))) await enqueueMaterialize(trx, { projectId, spec })
    })
  }
  return retired
}

/** Brings the views that a service uses back where they were retired, as when an old version is deployed once more. */
export async function reviveViews(
  trx: Trx,
  { projectId, spec }: { projectId: string; spec: FeatureServiceSpec },
): Promise<void> {
  const hashes = spec.views.map(({ definitionHash }) => definitionHash)
  for (const view of await updateRevived(trx, projectId, hashes))
    await enqueueMaterialize(trx, { projectId, spec: view })
}
