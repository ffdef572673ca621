import type { Queryable, Trx } from '../ports/db/db.ts'
import type { PipelineTriggerRow, TrainingBlockRow, TriggerFireRow } from './tables.ts'

/** A trigger that is there already keeps what it has seen. */
export async function upsertTrigger(trx: Trx, row: PipelineTriggerRow): Promise<void> {
  await trx
    .insertInto('pipeline_trigger')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ active: 1 }))
    .execute()
}

export async function deactivateTriggers(trx: Trx, projectId: string): Promise<void> {
  await trx.updateTable('pipeline_trigger').set({ active: 0 }).where('project_id', '=', projectId).execute()
}

export async function listTriggers(
  at: Queryable,
  filter: { projectId: string; kinds: readonly string[]; subject: string },
): Promise<PipelineTriggerRow[]> {
  return await at
    .selectFrom('pipeline_trigger')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .where('kind', 'in', filter.kinds)
    .where('subject', '=', filter.subject)
    .where('active', '=', 1)
    .orderBy('id')
    .execute()
}

export async function listCronTriggers(at: Queryable): Promise<PipelineTriggerRow[]> {
  return await at
    .selectFrom('pipeline_trigger')
    .selectAll()
    .where('kind', '=', 'cron')
    .where('active', '=', 1)
    .execute()
}

export async function listPendingTriggers(at: Queryable): Promise<PipelineTriggerRow[]> {
  return await at
    .selectFrom('pipeline_trigger')
    .selectAll()
    .where('pending_json', 'is not', null)
    .where('active', '=', 1)
    .execute()
}

export async function findTrigger(at: Queryable, id: string): Promise<PipelineTriggerRow | undefined> {
  return await at.selectFrom('pipeline_trigger').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function updateTrigger(
  trx: Trx,
  id: string,
  change: Partial<PipelineTriggerRow>,
): Promise<void> {
  await trx.updateTable('pipeline_trigger').set(change).where('id', '=', id).execute()
}

/** Deployments that any trigger of the pipeline names. */
export async function listDeploymentsOf(
  at: Queryable,
  projectId: string,
  pipeline: string,
): Promise<string[]> {
  const rows = await at
    .selectFrom('pipeline_trigger')
    .select('subject')
    .distinct()
    .where('project_id', '=', projectId)
    .where('pipeline', '=', pipeline)
    .where('kind', 'in', ['drift', 'degraded'])
    .where('active', '=', 1)
    .execute()
  return rows.map((row) => row.subject)
}

/** False when the trigger has dealt with the cause before. */
export async function insertFire(trx: Trx, row: TriggerFireRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('trigger_fire')
    .values(row)
    .onConflict((conflict) => conflict.columns(['trigger_id', 'cause_event']).doNothing())
    .returning('trigger_id')
    .executeTakeFirst()
  return inserted !== undefined
}

export async function hasFired(at: Queryable, triggerId: string, causeEvent: string): Promise<boolean> {
  const row = await at
    .selectFrom('trigger_fire')
    .select('trigger_id')
    .where('trigger_id', '=', triggerId)
    .where('cause_event', '=', causeEvent)
    .executeTakeFirst()
  return row !== undefined
}

export async function insertBlock(trx: Trx, row: TrainingBlockRow): Promise<void> {
  await trx
    .insertInto('training_block')
    .values(row)
    .onConflict((conflict) => conflict.column('alert_id').doNothing())
    .execute()
}

export async function deleteBlock(trx: Trx, alertId: string): Promise<void> {
  await trx.deleteFrom('training_block').where('alert_id', '=', alertId).execute()
}

export async function findBlock(
  at: Queryable,
  projectId: string,
  deployments: readonly string[],
): Promise<TrainingBlockRow | undefined> {
  if (deployments.length === 0) return undefined
  return await at
    .selectFrom('training_block')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('deployment', 'in', deployments)
    .orderBy('created_ms')
    .limit(1)
    .executeTakeFirst()
}
