import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { enqueue } from '../jobs/jobs.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { Trx } from '../ports/db/db.ts'
import type { Delivery } from './schema.ts'
import {
  deleteOldDeliveries,
  getDeliveryRow,
  getWebhookRow,
  listAttempts,
  listDeliveryRows,
  toDelivery,
  updateDelivery,
} from './store.ts'

export const DELIVER = 'webhooks.deliver'
const KEPT_MS = 30 * DAY_MS
const PIECE = 100

/** What was sent and what was answered, newest first; kept for 30 days. */
export async function listDeliveries(
  { db }: Pick<Context, 'db'>,
  input: Caller & { webhookId: string; limit: number; pageToken?: string | undefined },
): Promise<{ deliveries: Delivery[]; nextPageToken?: string }> {
  const { projectId, actor, webhookId, limit, pageToken } = input
  requirePermission(actor, 'maintain', projectId)
  await getWebhookRow(db.read, projectId, webhookId)
  const rows = await listDeliveryRows(db.read, { webhookId, limit: limit + 1, before: pageToken })
  const page = rows.slice(0, limit)
  const attempts = await listAttempts(
    db.read,
    page.map(({ id }) => id),
  )
  const last = page.at(-1)
  const deliveries = page.map((row) => toDelivery(row, attempts))
  return { deliveries, ...(rows.length > limit && last && { nextPageToken: last.id }) }
}

/** Sends a delivery again, under the same id. Throws `conflict` while it is still waiting or on its way. */
export async function redeliver(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, webhookId, deliveryId }: Caller & { webhookId: string; deliveryId: string },
): Promise<void> {
  requirePermission(actor, 'maintain', projectId)
  await db.write(async (trx) => {
    await getWebhookRow(trx, projectId, webhookId)
    const { state } = await getDeliveryRow(trx, webhookId, deliveryId)
    if (state === 'waiting' || state === 'sending')
      throw new AppError('conflict', `The delivery ${deliveryId} is still to be sent`)
    await updateDelivery(trx, deliveryId, {
      state: 'waiting',
      due_ms: await db.wallTime(trx),
      finished_ms: null,
    })
    await enqueueDelivery(trx, { projectId, webhookId })
    const detail = { webhookId }
    await audit(trx, { projectId, actor, action: 'webhooks.redeliver', subject: deliveryId, detail })
  })
}

/** Asks for what is due of a webhook to be sent, now or at a time. */
export async function enqueueDelivery(
  trx: Trx,
  { projectId, webhookId, atMs }: { projectId: string; webhookId: string; atMs?: number },
): Promise<void> {
  const when = atMs === undefined ? {} : { runAtMs: atMs }
  await enqueue(trx, { projectId, kind: DELIVER, payload: { webhookId }, slot: 'delivery', ...when })
}

/** Forgets deliveries that came to their end 30 days ago. */
export async function forgetDeliveries({ db }: Pick<Context, 'db'>): Promise<void> {
  const beforeMs = (await db.wallTime()) - KEPT_MS
  while ((await db.write((trx) => deleteOldDeliveries(trx, beforeMs, PIECE))) === PIECE);
}
