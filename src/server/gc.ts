import {
  listDatasetVersionUses as benchmarkUses,
  referencedBlobs as benchmarkBlobs,
} from '../benchmarks/benchmarks.ts'
import {
  deleteOutdatedVersions,
  listOutdatedVersions,
  referencedBlobs as dataBlobs,
  type OutdatedVersion,
} from '../data/data.ts'
import { listDatasetVersionUses as materializationUses } from '../materialization/materialization.ts'
import { audit, listProjectIds } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, systemActor, type Actor, type Caller } from '../kernel/actor.ts'
import { referencedBlobs as monitoringBlobs } from '../monitoring/monitoring.ts'
import {
  listDatasetVersionUses as pipelineUses,
  referencedBlobs as pipelinesBlobs,
} from '../pipelines/pipelines.ts'
import { collectBlobs, type Collected } from '../ports/artifacts/blobs.ts'
import type { Queryable } from '../ports/db/db.ts'
import { referencedBlobs as projectBlobs } from '../project/apply.ts'
import {
  listDatasetVersionUses as registryUses,
  listReferences,
  referencedBlobs as registryBlobs,
  type Reference,
} from '../registry/registry.ts'
import { referencedBlobs as pushBlobs } from '../pushes/pushes.ts'
import { referencedBlobs as reportBlobs } from '../reports/reports.ts'
import { referencedBlobs as predictionBlobs } from '../prediction-log/prediction-log.ts'
import { referencedBlobs as trackingBlobs } from '../tracking/tracking.ts'

/** A room whose rows refer to blobs stands here, or its blobs are lost. */
const ROOMS = [
  dataBlobs,
  pushBlobs,
  reportBlobs,
  trackingBlobs,
  registryBlobs,
  benchmarkBlobs,
  pipelinesBlobs,
  predictionBlobs,
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

/** A room whose rows refer to dataset versions stands here, or retention takes what it needs. */
const DATASET_USERS = [registryUses, pipelineUses, benchmarkUses, materializationUses]

async function listUses(
  at: Queryable,
  ids: readonly string[],
  endedRunsFromMs: number,
): Promise<{ id: string; what: string }[]> {
  const uses = []
  for (const usesOfRoom of DATASET_USERS) uses.push(...(await usesOfRoom(at, ids, endedRunsFromMs)))
  return uses
}

/** Takes the rows of dataset versions that are outdated and unused; with `dryRun` only says which they are. */
export async function retireVersions(
  context: Pick<Context, 'db' | 'clock' | 'artifacts'>,
  { projectId, actor, dryRun }: Caller & { dryRun: boolean },
): Promise<OutdatedVersion[]> {
  const work = dryRun ? listOutdatedVersions : deleteOutdatedVersions
  return await work(context, { projectId, actor, listUses })
}

/** In every project what the datasets' `keep` lets go goes by itself. */
export async function retireByItself(context: Pick<Context, 'db' | 'clock' | 'artifacts'>): Promise<void> {
  for (const projectId of await listProjectIds(context))
    await retireVersions(context, { projectId, actor: systemActor('retention'), dryRun: false })
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
