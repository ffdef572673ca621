import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  isMlflowEvent,
  listWebhooks,
  testWebhook,
  updateWebhook,
} from '../../webhooks/webhooks.ts'
import type { Webhook, WebhookEventName } from '../../webhooks/schema.ts'
import { invalid } from './errors.ts'
import { endpoint, pageSize, unlessEmpty, type Fields } from './wire.ts'

const STATUSES = { ACTIVE: 1, DISABLED: 2 } as const
const ENTITIES = {
  REGISTERED_MODEL: 1,
  MODEL_VERSION: 2,
  MODEL_VERSION_TAG: 3,
  MODEL_VERSION_ALIAS: 4,
  PROMPT: 5,
  PROMPT_VERSION: 6,
  PROMPT_TAG: 7,
  PROMPT_VERSION_TAG: 8,
  PROMPT_ALIAS: 9,
  BUDGET_POLICY: 10,
} as const
const ACTIONS = { CREATED: 1, UPDATED: 2, DELETED: 3, SET: 4, EXCEEDED: 5 } as const

export const endpoints = [
  endpoint('POST', '/mlflow/webhooks', async ({ context, caller, fields }) => {
    const status = fields.choice('status', STATUSES)
    const webhook = await createWebhook(context, {
      ...caller,
      name: fields.required('name'),
      url: fields.required('url'),
      events: eventsOf(fields),
      description: fields.text('description'),
      secret: fields.text('secret'),
      ...(status && { status }),
    })
    return { webhook: toWire(webhook) }
  }),
  endpoint('GET', '/mlflow/webhooks', async ({ context, caller, fields }) => {
    const limit = pageSize(fields, { default: 100, max: 1000 })
    const pageToken = fields.text('page_token') || undefined
    if (pageToken !== undefined && !/^[0-9a-f-]{36}$/.test(pageToken))
      throw invalid('Invalid page token: it was not made by this list')
    const { webhooks, nextPageToken } = await listWebhooks(context, { ...caller, limit, pageToken })
    // Its client refuses a webhook without an event that it knows.
    const known = webhooks.filter(({ events }) => events.some(isMlflowEvent)).map(toWire)
    return { ...unlessEmpty('webhooks', known), ...(nextPageToken && { next_page_token: nextPageToken }) }
  }),
  endpoint('GET', '/mlflow/webhooks/:webhook_id', async ({ context, caller, path }) => ({
    webhook: toWire(await getWebhook(context, { ...caller, id: path['webhook_id']! })),
  })),
  endpoint('PATCH', '/mlflow/webhooks/:webhook_id', async ({ context, caller, fields, path }) => {
    const status = fields.choice('status', STATUSES)
    const [name, url, description, secret] = ['name', 'url', 'description', 'secret'].map((field) =>
      fields.text(field),
    )
    const webhook = await updateWebhook(context, {
      ...caller,
      id: path['webhook_id']!,
      ...(name && { name }),
      ...(url && { url }),
      ...(description !== undefined && { description }),
      ...(secret !== undefined && { secret }),
      ...(status && { status }),
      ...(fields.objects('events').length > 0 && { events: eventsOf(fields) }),
    })
    return { webhook: toWire(webhook) }
  }),
  endpoint('DELETE', '/mlflow/webhooks/:webhook_id', async ({ context, caller, path }) => {
    await deleteWebhook(context, { ...caller, id: path['webhook_id']! })
    return {}
  }),
  endpoint('POST', '/mlflow/webhooks/:webhook_id/test', async ({ context, caller, fields, path }) => {
    const event = fields.has('event') ? eventOf(fields.object('event')) : undefined
    const outcome = await testWebhook(context, { ...caller, id: path['webhook_id']!, event })
    const { isSuccess: success, status, answer, error } = outcome
    return {
      result: {
        success,
        ...(status !== undefined && { response_status: status, response_body: answer }),
        ...(error !== undefined && { error_message: error }),
      },
    }
  }),
]

function eventsOf(fields: Fields): WebhookEventName[] {
  const events = fields.objects('events')
  if (events.length === 0)
    throw invalid(
      `Missing value for required parameter 'events'. See the API docs for more information about request parameters.`,
    )
  return events.map(eventOf)
}

function eventOf(fields: Fields): WebhookEventName {
  const entity = fields.choice('entity', ENTITIES)
  const action = fields.choice('action', ACTIONS)
  const name = `${entity}.${action}`.toLowerCase()
  if (isMlflowEvent(name)) return name
  const reason = entity === 'BUDGET_POLICY' ? 'there are no budget policies here' : 'it has no such action'
  throw invalid(`Invalid action '${action?.toLowerCase()}' for entity '${entity?.toLowerCase()}': ${reason}`)
}

/** Events that are not MLflow's are left out; a secret is never shown. */
function toWire(webhook: Webhook) {
  const events = webhook.events.filter(isMlflowEvent).map((name) => {
    const [entity, action] = name.toUpperCase().split('.')
    return { entity, action }
  })
  return {
    webhook_id: webhook.id,
    name: webhook.name,
    url: webhook.url,
    ...unlessEmpty('events', events),
    ...(webhook.description !== '' && { description: webhook.description }),
    status: webhook.status,
    creation_timestamp: webhook.createdMs,
    last_updated_timestamp: webhook.updatedMs,
  }
}
