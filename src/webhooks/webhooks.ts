import type { z } from 'zod'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePublicUrl } from '../http/public-address.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { exampleBody } from './bodies.ts'
import { enqueueDelivery } from './deliveries.ts'
import { openSecret, sealSecret } from './sealed-secret.ts'
import {
  WebhookChange,
  WebhookSettings,
  type Outcome,
  type Webhook,
  type WebhookEventName,
} from './schema.ts'
import { send } from './send.ts'
import {
  deleteWebhookRow,
  getWebhookRow,
  insertWebhook,
  listWebhookRows,
  toWebhook,
  updateWebhookRow,
} from './store.ts'
import type { WebhookRow } from './tables.ts'

export { forgetDeliveries, listDeliveries, redeliver } from './deliveries.ts'
export { isMlflowEvent } from './mlflow-events.ts'

type Doors = Pick<Context, 'db' | 'ids' | 'config'>

/** Whoever may see a webhook may know its address, which may be a secret by itself: maintainers. */
const PERMISSION = 'maintain'

export async function createWebhook(
  { db, ids, config }: Doors,
  { projectId, actor, ...input }: Caller & WebhookSettings,
): Promise<Webhook> {
  requirePermission(actor, PERMISSION, projectId)
  const settings = requireSettings(WebhookSettings, input)
  requirePublicUrl(settings.url, { allowPrivate: config.webhookPrivateAddresses })
  const id = ids.uuid()
  const { name, url, description = '', status = 'ACTIVE', secret } = settings
  return await db.write(async (trx) => {
    const nowMs = await db.wallTime(trx)
    const row = {
      id,
      project_id: projectId,
      name,
      description,
      url,
      status,
      secret: secret ? sealSecret(config, secret) : null,
      events_json: eventsJson(settings.events),
      created_ms: nowMs,
      updated_ms: nowMs,
      claimed_ms: 0,
    }
    await insertWebhook(trx, row)
    const detail = { name, url, events: settings.events, status }
    await audit(trx, { projectId, actor, action: 'webhooks.create', subject: id, detail })
    return toWebhook(row)
  })
}

export async function getWebhook(
  { db }: Pick<Doors, 'db'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<Webhook> {
  requirePermission(actor, PERMISSION, projectId)
  return toWebhook(await getWebhookRow(db.read, projectId, id))
}

/** Newest first; the token of a page is the last id of the one before. */
export async function listWebhooks(
  { db }: Pick<Doors, 'db'>,
  { projectId, actor, limit, pageToken }: Caller & { limit: number; pageToken?: string | undefined },
): Promise<{ webhooks: Webhook[]; nextPageToken?: string }> {
  requirePermission(actor, PERMISSION, projectId)
  const rows = await listWebhookRows(db.read, { projectId, limit: limit + 1, before: pageToken })
  const webhooks = rows.slice(0, limit).map(toWebhook)
  const last = webhooks.at(-1)
  return { webhooks, ...(rows.length > limit && last && { nextPageToken: last.id }) }
}

/** Changes what is given; an empty secret removes it. */
export async function updateWebhook(
  { db, config }: Doors,
  { projectId, actor, id, ...input }: Caller & { id: string } & WebhookChange,
): Promise<Webhook> {
  requirePermission(actor, PERMISSION, projectId)
  const change = requireSettings(WebhookChange, input)
  if (change.url !== undefined) requirePublicUrl(change.url, { allowPrivate: config.webhookPrivateAddresses })
  const { events, secret, ...others } = change
  const plain = Object.fromEntries(
    Object.entries(others).filter(([, value]) => value !== undefined),
  ) as Partial<Pick<WebhookRow, 'name' | 'url' | 'description' | 'status'>>
  return await db.write(async (trx) => {
    await getWebhookRow(trx, projectId, id)
    await updateWebhookRow(trx, id, {
      ...plain,
      ...(events !== undefined && { events_json: eventsJson(events) }),
      ...(secret !== undefined && { secret: secret === '' ? null : sealSecret(config, secret) }),
      updated_ms: await db.wallTime(trx),
    })
    if (plain.status === 'ACTIVE') await enqueueDelivery(trx, { projectId, webhookId: id })
    const detail = { changed: Object.keys(change), ...(plain.url !== undefined && { url: plain.url }) }
    await audit(trx, { projectId, actor, action: 'webhooks.update', subject: id, detail })
    return toWebhook(await getWebhookRow(trx, projectId, id))
  })
}

/** Deletes it with the log of its deliveries; what waits is not sent any more. */
export async function deleteWebhook(
  { db }: Pick<Doors, 'db'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<void> {
  requirePermission(actor, PERMISSION, projectId)
  await db.write(async (trx) => {
    const { name, url } = await getWebhookRow(trx, projectId, id)
    await deleteWebhookRow(trx, id)
    await audit(trx, { projectId, actor, action: 'webhooks.delete', subject: id, detail: { name, url } })
  })
}

/** Sends an example of an event at once (default: of the first that the webhook is for), and tells how it was taken. It is neither repeated nor logged. */
export async function testWebhook(
  { db, ids, config }: Doors,
  { projectId, actor, id, event }: Caller & { id: string; event?: WebhookEventName | undefined },
): Promise<Outcome> {
  requirePermission(actor, PERMISSION, projectId)
  const row = await getWebhookRow(db.read, projectId, id)
  const name = event ?? toWebhook(row).events[0]!
  const nowMs = await db.wallTime()
  const {
    mayRetry: _mayRetry,
    retryAfterMs: _retryAfterMs,
    ...outcome
  } = await send({
    url: row.url,
    deliveryId: ids.uuid(),
    event: name,
    body: exampleBody(name, nowMs),
    secret: row.secret === null ? undefined : openSecret(config, row.secret),
    nowMs,
    allowPrivate: config.webhookPrivateAddresses,
  })
  return outcome
}

function eventsJson(events: readonly WebhookEventName[]): string {
  return JSON.stringify([...new Set(events)])
}

/** Protocols hand over what came on the wire. */
function requireSettings<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new AppError('invalid', `The webhook's ${path.map(String).join('.')} is wrong: ${message}`)
}
