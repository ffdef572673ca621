import { referencedBlobs as benchmarkBlobs } from '../benchmarks/benchmarks.ts'
import { referencedBlobs as dataBlobs } from '../data/data.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import { referencedBlobs as monitoringBlobs } from '../monitoring/monitoring.ts'
import { referencedBlobs as pipelinesBlobs } from '../pipelines/pipelines.ts'
import { collectBlobs, type Collected } from '../ports/artifacts/blobs.ts'
import type { Queryable } from '../ports/db/db.ts'
import { referencedBlobs as projectBlobs } from '../project/apply.ts'
import { listReferences, referencedBlobs as registryBlobs, type Reference } from '../registry/registry.ts'
import { referencedBlobs as servingBlobs } from '../serving/serving.ts'
import { referencedBlobs as trackingBlobs } from '../tracking/tracking.ts'

/** A room whose rows refer to blobs stands here, or its blobs are lost. */
const ROOMS = [
  dataBlobs,
  trackingBlobs,
  registryBlobs,
  benchmarkBlobs,
  pipelinesBlobs,
  servingBlobs,
  monitoringBlobs,
  projectBlobs,
]

/** Every blob that a row of any room refers to. */
export async function listReferencedBlobs(at: Queryable): Promise<Set<string>> {
  const referenced = new Set<string>()
  for (const blobsOfRoom of ROOMS) {
    for (const hash of await blobsOfRoom(at)) referenced.add(hash)
  }
  return referenced
}

/**
 * Of deleted runs and logged models, those that a version which is still registered came from, with that version: they may be deleted
 * softly, as MLflow's clients expect, and must not be purged, or the version would lose its files and its lineage.
 */
export async function referencedRuns(
  at: Queryable,
  { runIds, loggedModelIds }: { runIds: readonly string[]; loggedModelIds: readonly string[] },
): Promise<{ runs: Reference[]; loggedModels: Reference[] }> {
  return {
    runs: await listReferences(at, 'run_id', runIds),
    loggedModels: await listReferences(at, 'logged_model_id', loggedModelIds),
  }
}

/**
 * Condemns blobs that nothing refers to, and deletes those that have been condemned for a day. It may run beside all
 * other processes. `nowMs` is wall time.
 */
export async function collectGarbage(
  { db, artifacts }: Pick<Context, 'db' | 'artifacts'>,
  { actor, nowMs, dryRun }: { actor: Actor; nowMs: number; dryRun: boolean },
): Promise<Collected> {
  requirePermission(actor, 'administer', '*')
  const listReferenced = () => listReferencedBlobs(db.read)
  const collected = await collectBlobs({ db, artifacts }, { listReferenced, nowMs, dryRun })
  const { condemned, kept, deleted, freedBytes } = collected
  if (!dryRun && condemned.length + kept.length + deleted.length > 0) {
    const detail = { condemned: condemned.length, kept: kept.length, deleted: deleted.length, freedBytes }
    await db.write((trx) =>
      audit(trx, { projectId: '*', actor, action: 'server.collect_garbage', subject: 'blobs', detail }),
    )
  }
  return collected
}
