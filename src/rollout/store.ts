import { sql } from 'kysely'
import { AppError } from '../kernel/errors.ts'
import { unknownName } from '../kernel/unknown-name.ts'
import type { DesiredState, Variant } from '../serving/schema.ts'
import type { DeploymentDefinition } from '../serving/definition.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { RolloutPlan } from './plan.ts'
import {
  activeStates,
  type Deployment,
  type DeploymentPolicy,
  type Rollout,
  type RolloutState,
} from './schema.ts'
import type { DeploymentRow, RolloutRow, RolloutStageRow, RolloutTransitionRow } from './tables.ts'

export async function findDeployment(
  at: Queryable,
  { projectId, name }: { projectId: string; name: string },
): Promise<Deployment | undefined> {
  const row = await at
    .selectFrom('deployment')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
  return row && toDeployment(row)
}

export async function getDeployment(
  at: Queryable,
  key: { projectId: string; name: string },
): Promise<Deployment> {
  const found = await findDeployment(at, key)
  if (found) return found
  const names = (await listDeployments(at, key.projectId)).map(({ name }) => name)
  throw unknownName('deployment', key.name, names, { deployment: key.name })
}

/** All deployments of a project, or of all projects. */
export async function listDeployments(at: Queryable, projectId?: string): Promise<Deployment[]> {
  let query = at.selectFrom('deployment').selectAll().orderBy('project_id').orderBy('name')
  if (projectId !== undefined) query = query.where('project_id', '=', projectId)
  return (await query.execute()).map(toDeployment)
}

/** Deployments that serve a model. */
export async function listServing(
  at: Queryable,
  { projectId, model }: { projectId: string; model: string },
): Promise<Deployment[]> {
  const deployments = await listDeployments(at, projectId)
  return deployments.filter((deployment) => deployment.model === model && deployment.stable !== null)
}

export async function insertDeployment(trx: Trx, row: DeploymentRow): Promise<void> {
  await trx.insertInto('deployment').values(row).execute()
}

/** Throws `conflict` when the deployment has changed since it was read. */
export async function updateDeployment(
  trx: Trx,
  { id, revision }: Pick<Deployment, 'id' | 'revision'>,
  change: Partial<DeploymentRow>,
): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('deployment')
    .set({ ...change, revision: revision + 1 })
    .where('id', '=', id)
    .where('revision', '=', revision)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) throw new AppError('conflict', 'The deployment was changed meanwhile; try again')
}

export async function getRollout(
  at: Queryable,
  { projectId, id }: { projectId: string; id: string },
): Promise<Rollout> {
  const row = await at
    .selectFrom('rollout')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst()
  if (row) return toRollout(row)
  throw new AppError('not_found', `There is no rollout ${id}`, { details: { rollout: id } })
}

function rolloutsOf(at: Queryable, { projectId, deployment }: { projectId: string; deployment: string }) {
  return at
    .selectFrom('rollout')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('deployment', '=', deployment)
}

export async function findActiveRollout(
  at: Queryable,
  { projectId, deployment }: { projectId: string; deployment: string },
): Promise<Rollout | undefined> {
  const row = await rolloutsOf(at, { projectId, deployment })
    .where('state', 'in', activeStates)
    .executeTakeFirst()
  return row && toRollout(row)
}

export async function findRolloutByCause(
  at: Queryable,
  { projectId, deployment, cause }: { projectId: string; deployment: string; cause: string },
): Promise<Rollout | undefined> {
  const row = await rolloutsOf(at, { projectId, deployment }).where('cause', '=', cause).executeTakeFirst()
  return row && toRollout(row)
}

export async function listActiveRollouts(at: Queryable): Promise<Rollout[]> {
  const rows = await at.selectFrom('rollout').selectAll().where('state', 'in', activeStates).execute()
  return rows.map(toRollout)
}

/** Ended by a verdict, and not yet settled by the labels that came afterwards. */
export async function listUnsettledRollouts(at: Queryable): Promise<Rollout[]> {
  const rows = await at
    .selectFrom('rollout')
    .selectAll()
    .where('state', 'in', ['succeeded', 'rolled_back'])
    .where('settled_ms', 'is', null)
    .limit(100)
    .execute()
  return rows.map(toRollout)
}

/** False when it was settled before. */
export async function markSettled(trx: Trx, { id, atMs }: { id: string; atMs: number }): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('rollout')
    .set({ settled_ms: atMs })
    .where('id', '=', id)
    .where('settled_ms', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Newest first. `before` is the id of the last one of the page before: ids sort by time. */
export async function listRollouts(
  at: Queryable,
  filter: { projectId: string; deployment?: string | undefined; limit: number; before?: string | undefined },
): Promise<Rollout[]> {
  let query = at.selectFrom('rollout').selectAll().where('project_id', '=', filter.projectId)
  if (filter.deployment !== undefined) query = query.where('deployment', '=', filter.deployment)
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  return (await query.orderBy('id', 'desc').limit(filter.limit).execute()).map(toRollout)
}

export async function insertRollout(trx: Trx, row: RolloutRow): Promise<void> {
  await trx.insertInto('rollout').values(row).execute()
}

/** Moves a rollout on. False when another controller was quicker: its version is no longer the one that was read. */
export async function updateRollout(
  trx: Trx,
  { id, version }: Pick<Rollout, 'id' | 'version'>,
  change: Partial<RolloutRow>,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('rollout')
    .set({ ...change, version: version + 1 })
    .where('id', '=', id)
    .where('version', '=', version)
    .where('state', 'in', activeStates)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function insertTransition(trx: Trx, row: RolloutTransitionRow): Promise<void> {
  await trx.insertInto('rollout_transition').values(row).execute()
}

export async function listTransitions(at: Queryable, rolloutId: string): Promise<RolloutTransitionRow[]> {
  return at
    .selectFrom('rollout_transition')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .orderBy('version')
    .execute()
}

export async function insertStage(trx: Trx, row: RolloutStageRow): Promise<void> {
  await trx.insertInto('rollout_stage').values(row).execute()
}

export async function endStage(
  trx: Trx,
  {
    rolloutId,
    stage,
    endedMs,
    judgementJson,
  }: { rolloutId: string; stage: number; endedMs: number; judgementJson: string | null },
): Promise<void> {
  await trx
    .updateTable('rollout_stage')
    .set({ ended_ms: endedMs, judgement_json: judgementJson })
    .where('rollout_id', '=', rolloutId)
    .where('stage', '=', stage)
    .execute()
}

export async function listStages(
  at: Queryable,
  filter: { projectId: string; rolloutIds: readonly string[] },
): Promise<RolloutStageRow[]> {
  if (filter.rolloutIds.length === 0) return []
  return at
    .selectFrom('rollout_stage')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .where('rollout_id', 'in', filter.rolloutIds)
    .orderBy('started_ms')
    .execute()
}

export async function upsertVariant(
  trx: Trx,
  { projectId, variant, nowMs }: { projectId: string; variant: Variant; nowMs: number },
): Promise<void> {
  const variantJson = JSON.stringify(variant)
  await trx
    .insertInto('deployed_variant')
    .values({
      model_version_id: variant.modelVersionId,
      project_id: projectId,
      variant_json: variantJson,
      created_ms: nowMs,
    })
    .onConflict((conflict) => conflict.column('model_version_id').doUpdateSet({ variant_json: variantJson }))
    .execute()
}

export async function listVariants(at: Queryable, ids: readonly string[]): Promise<Map<string, Variant>> {
  if (ids.length === 0) return new Map()
  const rows = await at
    .selectFrom('deployed_variant')
    .selectAll()
    .where('model_version_id', 'in', [...new Set(ids)])
    .execute()
  return new Map(rows.map((row) => [row.model_version_id, JSON.parse(row.variant_json) as Variant]))
}

/** Takes the next generation. Other writers of the desired state wait until the transaction ends. */
export async function takeGeneration(trx: Trx): Promise<number> {
  const { generation } = await trx
    .updateTable('desired_state_head')
    .set({ generation: sql<number>`generation + 1` })
    .where('id', '=', '*')
    .returning('generation')
    .executeTakeFirstOrThrow()
  return generation
}

/** Documents written up to a wall time, below a generation, newest first. */
export async function listDesiredStates(
  at: Queryable,
  { wallMs, below, limit }: { wallMs: number; below: number; limit: number },
): Promise<{ document: DesiredState; createdMs: number }[]> {
  const rows = await at
    .selectFrom('desired_state')
    .selectAll()
    .where('created_ms', '<=', wallMs)
    .where('generation', '<', below)
    .orderBy('generation', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    document: JSON.parse(row.document_json) as DesiredState,
    createdMs: row.created_ms,
  }))
}

/**
 * Keeps of the newest document what history needs: nothing when it serves what the one before it served, else all but tokens and
 * declared features. Called before the next one is written.
 */
export async function thinDesiredStates(trx: Trx): Promise<void> {
  const all = { wallMs: Number.MAX_SAFE_INTEGER, below: Number.MAX_SAFE_INTEGER }
  const [newest, before] = await listDesiredStates(trx, { ...all, limit: 2 })
  if (!newest) return
  const { tokens: _, features: __, ...document } = newest.document
  const row = { generation: document.generation }
  if (before && JSON.stringify(before.document.deployments) === JSON.stringify(document.deployments))
    await trx.deleteFrom('desired_state').where('generation', '=', row.generation).execute()
  else
    await trx
      .updateTable('desired_state')
      .set({ document_json: JSON.stringify(document) })
      .where('generation', '=', row.generation)
      .execute()
}

export async function insertDesiredState(trx: Trx, document: DesiredState, nowMs: number): Promise<void> {
  await trx
    .insertInto('desired_state')
    .values({
      generation: document.generation,
      project_id: '*',
      document_json: JSON.stringify(document),
      created_ms: nowMs,
    })
    .execute()
}

export async function listProjectNames(at: Queryable): Promise<Map<string, string>> {
  const rows = await at.selectFrom('project').select(['id', 'name']).execute()
  return new Map(rows.map((row) => [row.id, row.name]))
}

export async function upsertLease(
  trx: Trx,
  lease: { rolloutId: string; projectId: string; untilMs: number },
): Promise<void> {
  await trx
    .insertInto('candidate_lease')
    .values({ rollout_id: lease.rolloutId, project_id: lease.projectId, until_ms: lease.untilMs })
    .onConflict((conflict) => conflict.column('rollout_id').doUpdateSet({ until_ms: lease.untilMs }))
    .execute()
}

export async function findLease(at: Queryable, rolloutId: string): Promise<number | undefined> {
  const row = await at
    .selectFrom('candidate_lease')
    .select('until_ms')
    .where('rollout_id', '=', rolloutId)
    .executeTakeFirst()
  return row?.until_ms
}

export async function deleteLease(trx: Trx, rolloutId: string): Promise<void> {
  await trx.deleteFrom('candidate_lease').where('rollout_id', '=', rolloutId).execute()
}

function toDeployment(row: DeploymentRow): Deployment {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    model: row.model,
    task: row.task,
    definition: JSON.parse(row.definition_json) as DeploymentDefinition,
    policyVersion: row.policy_version,
    policy: JSON.parse(row.policy_json) as DeploymentPolicy,
    stable: deployed(row.stable_version_id, row.stable_version),
    previous: deployed(row.previous_version_id, row.previous_version),
    revision: row.revision,
    createdMs: row.created_ms,
  }
}

function deployed(id: string | null, version: number | null): Deployment['stable'] {
  return id === null || version === null ? null : { id, version }
}

function toRollout(row: RolloutRow): Rollout {
  return {
    id: row.id,
    projectId: row.project_id,
    deployment: row.deployment,
    model: row.model,
    candidate: { id: row.candidate_version_id, version: row.candidate_version },
    stable: { id: row.stable_version_id, version: row.stable_version },
    state: row.state as RolloutState,
    stage: row.stage,
    heldSinceMs: row.held_since_ms,
    plan: JSON.parse(row.plan_json) as RolloutPlan,
    cause: row.cause,
    reason: row.reason,
    forced: row.forced === 1,
    promotionId: row.promotion_id,
    version: row.version,
    sentence: row.sentence,
    startedMs: row.started_ms,
    stageStartedMs: row.stage_started_ms,
    finishedMs: row.finished_ms,
    createdMs: row.created_ms,
  }
}
