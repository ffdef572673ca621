import * as data from '../data/data.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import * as monitoring from '../monitoring/monitoring.ts'
import * as pipelines from '../pipelines/pipelines.ts'
import { collectBlobs, type Collected } from '../ports/artifacts/blobs.ts'
import type { Queryable } from '../ports/db/db.ts'
import * as project from '../project/apply.ts'
import * as registry from '../registry/registry.ts'
import * as serving from '../serving/serving.ts'
import * as tracking from '../tracking/tracking.ts'

/** A room whose rows refer to blobs stands here, or its blobs are lost. */
const ROOMS = [data, tracking, registry, pipelines, serving, monitoring, project]

/** Every blob that a row of any room refers to. */
export async function listReferencedBlobs(at: Queryable): Promise<Set<string>> {
  const referenced = new Set<string>()
  for (const { referencedBlobs } of ROOMS) {
    for (const hash of await referencedBlobs(at)) referenced.add(hash)
  }
  return referenced
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
