import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { listDeliveries, redeliver } from './deliveries.ts'
import {
  Delivery,
  EventName,
  eventNames,
  Outcome,
  Webhook,
  WebhookChange,
  WebhookEventName,
  WebhookSettings,
} from './schema.ts'
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  testWebhook,
  updateWebhook,
} from './webhooks.ts'

const identified = z.strictObject({ webhookId: z.string() })
const paged = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  pageToken: z.string().optional(),
})

export const routes = [
  route({
    method: 'GET',
    path: '/webhook-events',
    summary: 'What a webhook may be for: our events, and those that MLflow’s clients know',
    permission: 'maintain',
    response: listOf(EventName),
    handle: async () => ({ items: [...eventNames] }),
  }),
  route({
    method: 'GET',
    path: '/webhooks',
    summary: 'Webhooks, newest first',
    permission: 'maintain',
    query: paged,
    response: listOf(Webhook),
    async handle({ context, actor, projectId, query }) {
      const { webhooks, ...next } = await listWebhooks(context, { ...query, projectId, actor })
      return { items: webhooks, ...next }
    },
  }),
  route({
    method: 'POST',
    path: '/webhooks',
    summary: 'Add a webhook: an address that hears of events',
    permission: 'maintain',
    body: WebhookSettings,
    response: Webhook,
    handle: ({ context, actor, projectId, body }) => createWebhook(context, { ...body, projectId, actor }),
  }),
  route({
    method: 'GET',
    path: '/webhooks/:webhookId',
    summary: 'One webhook; its secret is never shown',
    permission: 'maintain',
    params: identified,
    response: Webhook,
    handle: ({ context, actor, projectId, params }) =>
      getWebhook(context, { projectId, actor, id: params.webhookId }),
  }),
  route({
    method: 'PATCH',
    path: '/webhooks/:webhookId',
    summary: 'Change what is given of a webhook; an empty secret removes it',
    permission: 'maintain',
    params: identified,
    body: WebhookChange,
    response: Webhook,
    handle: ({ context, actor, projectId, params, body }) =>
      updateWebhook(context, { ...body, projectId, actor, id: params.webhookId }),
  }),
  route({
    method: 'DELETE',
    path: '/webhooks/:webhookId',
    summary: 'Delete a webhook with the log of its deliveries; what waits is not sent',
    permission: 'maintain',
    params: identified,
    response: z.object({}),
    async handle({ context, actor, projectId, params }) {
      await deleteWebhook(context, { projectId, actor, id: params.webhookId })
      return {}
    },
  }),
  route({
    method: 'POST',
    path: '/webhooks/:webhookId/test',
    summary:
      'Send an example of an event at once and tell how it was taken; default: the first of its events',
    permission: 'maintain',
    params: identified,
    body: z.strictObject({ event: WebhookEventName.optional() }),
    response: Outcome,
    handle: ({ context, actor, projectId, params, body }) =>
      testWebhook(context, { projectId, actor, id: params.webhookId, event: body.event }),
  }),
  route({
    method: 'GET',
    path: '/webhooks/:webhookId/deliveries',
    summary: 'What was sent and what was answered, newest first; kept for 30 days',
    permission: 'maintain',
    params: identified,
    query: paged,
    response: listOf(Delivery),
    async handle({ context, actor, projectId, params, query }) {
      const { deliveries, ...next } = await listDeliveries(context, { ...query, ...params, projectId, actor })
      return { items: deliveries, ...next }
    },
  }),
  route({
    method: 'POST',
    path: '/webhooks/:webhookId/deliveries/:deliveryId/redeliver',
    summary: 'Send a delivery that came to its end once more, under the same id',
    permission: 'maintain',
    params: identified.extend({ deliveryId: z.string() }),
    response: z.object({}),
    async handle({ context, actor, projectId, params }) {
      await redeliver(context, { ...params, projectId, actor })
      return {}
    },
  }),
]
