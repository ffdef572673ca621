import type { Updateable } from 'kysely'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Attempt, Delivery, Webhook } from './schema.ts'
import type { WebhookAttemptRow, WebhookDeliveryRow, WebhookRow } from './tables.ts'

export async function insertWebhook(trx: Trx, row: WebhookRow): Promise<void> {
  await trx.insertInto('webhook').values(row).execute()
}

export async function getWebhookRow(at: Queryable, projectId: string, id: string): Promise<WebhookRow> {
  const row = await at
    .selectFrom('webhook')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  if (row) return row
  throw new AppError('not_found', `Webhook with ID ${id} not found.`, { details: { webhookId: id } })
}

/** Newest first, after the given id. */
export async function listWebhookRows(
  at: Queryable,
  { projectId, limit, before }: { projectId: string; limit: number; before?: string | undefined },
): Promise<WebhookRow[]> {
  return await at
    .selectFrom('webhook')
    .selectAll()
    .where('project_id', '=', projectId)
    .$if(before !== undefined, (query) => query.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** Active ones, of one project or of all. */
export async function listActiveWebhooks(at: Queryable, projectId?: string): Promise<WebhookRow[]> {
  return await at
    .selectFrom('webhook')
    .selectAll()
    .where('status', '=', 'ACTIVE')
    .$if(projectId !== undefined, (query) => query.where('project_id', '=', projectId!))
    .orderBy('id')
    .execute()
}

export async function updateWebhookRow(
  trx: Trx,
  id: string,
  change: Updateable<WebhookRow>,
): Promise<boolean> {
  const result = await trx.updateTable('webhook').set(change).where('id', '=', id).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** With what was to be delivered. */
export async function deleteWebhookRow(trx: Trx, id: string): Promise<void> {
  await trx
    .deleteFrom('webhook_attempt')
    .where('delivery_id', 'in', (query) =>
      query.selectFrom('webhook_delivery').select('id').where('webhook_id', '=', id),
    )
    .execute()
  await trx.deleteFrom('webhook_delivery').where('webhook_id', '=', id).execute()
  await trx.deleteFrom('webhook').where('id', '=', id).execute()
}

export async function insertDelivery(trx: Trx, row: WebhookDeliveryRow): Promise<void> {
  await trx.insertInto('webhook_delivery').values(row).execute()
}

export async function updateDelivery(
  trx: Trx,
  id: string,
  change: Updateable<WebhookDeliveryRow>,
): Promise<void> {
  await trx.updateTable('webhook_delivery').set(change).where('id', '=', id).execute()
}

/** How many are on their way, leaving out those whose sender is gone. */
export async function countSending(at: Queryable, webhookId: string, nowMs: number): Promise<number> {
  const { count } = await at
    .selectFrom('webhook_delivery')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('webhook_id', '=', webhookId)
    .where('state', '=', 'sending')
    .where('lease_until_ms', '>=', nowMs)
    .executeTakeFirstOrThrow()
  return count
}

/** The delivery that has waited longest, or one whose sender is gone. */
export async function findDueDelivery(
  at: Queryable,
  webhookId: string,
  nowMs: number,
): Promise<WebhookDeliveryRow | undefined> {
  return await at
    .selectFrom('webhook_delivery')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .where((eb) =>
      eb.or([
        eb.and([eb('state', '=', 'waiting'), eb('due_ms', '<=', nowMs)]),
        eb.and([eb('state', '=', 'sending'), eb('lease_until_ms', '<', nowMs)]),
      ]),
    )
    .orderBy('due_ms')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
}

export async function getDeliveryRow(
  at: Queryable,
  webhookId: string,
  id: string,
): Promise<WebhookDeliveryRow> {
  const row = await at
    .selectFrom('webhook_delivery')
    .selectAll()
    .where('id', '=', id)
    .where('webhook_id', '=', webhookId)
    .executeTakeFirst()
  if (row) return row
  throw new AppError('not_found', `The webhook has no delivery ${id}`, { details: { deliveryId: id } })
}

/** Newest first. */
export async function listDeliveryRows(
  at: Queryable,
  { webhookId, limit, before }: { webhookId: string; limit: number; before?: string | undefined },
): Promise<WebhookDeliveryRow[]> {
  return await at
    .selectFrom('webhook_delivery')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .$if(before !== undefined, (query) => query.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

export async function insertAttempt(trx: Trx, row: WebhookAttemptRow): Promise<void> {
  await trx.insertInto('webhook_attempt').values(row).execute()
}

export async function listAttempts(
  at: Queryable,
  deliveryIds: readonly string[],
): Promise<WebhookAttemptRow[]> {
  if (deliveryIds.length === 0) return []
  return await at
    .selectFrom('webhook_attempt')
    .selectAll()
    .where('delivery_id', 'in', deliveryIds)
    .orderBy('number')
    .execute()
}

/** Deletes deliveries that came to their end before that time, with their attempts. Returns how many. */
export async function deleteOldDeliveries(trx: Trx, beforeMs: number, limit: number): Promise<number> {
  const rows = await trx
    .selectFrom('webhook_delivery')
    .select('id')
    .where('finished_ms', '<', beforeMs)
    .limit(limit)
    .execute()
  if (rows.length === 0) return 0
  const ids = rows.map(({ id }) => id)
  await trx.deleteFrom('webhook_attempt').where('delivery_id', 'in', ids).execute()
  await trx.deleteFrom('webhook_delivery').where('id', 'in', ids).execute()
  return ids.length
}

export function toWebhook(row: WebhookRow): Webhook {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    events: JSON.parse(row.events_json) as Webhook['events'],
    description: row.description,
    status: row.status,
    isSigned: row.secret !== null,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  }
}

export function toDelivery(row: WebhookDeliveryRow, attempts: readonly WebhookAttemptRow[]): Delivery {
  return {
    id: row.id,
    event: row.event,
    body: row.body,
    state: row.state,
    dueMs: row.due_ms,
    createdMs: row.created_ms,
    ...(row.finished_ms !== null && { finishedMs: row.finished_ms }),
    attempts: attempts.filter((attempt) => attempt.delivery_id === row.id).map(toAttempt),
  }
}

function toAttempt(row: WebhookAttemptRow): Attempt {
  return {
    number: row.number,
    atMs: row.at_ms,
    ...(row.status !== null && { status: row.status }),
    latencyMs: row.latency_ms,
    answer: row.answer,
    ...(row.error !== null && { error: row.error }),
  }
}
