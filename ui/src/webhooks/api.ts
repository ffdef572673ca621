import type { Delivery, EventName, Outcome, Webhook } from '../../../src/webhooks/schema.ts'
import type { Page } from '../answers.ts'
import { at, many, one, post, send } from '../api.ts'

export type { Delivery, EventName, Outcome, Webhook } from '../../../src/webhooks/schema.ts'

const ROOM = 'webhooks'

export const webhooks = () => many<Page<Webhook>>(ROOM, '/webhooks', { limit: 1000 })
export const webhook = (id: string) => one<Webhook>(ROOM, `/webhooks/${at(id)}`)
export const eventNames = () => one<Page<EventName>>('webhook-events', '/webhook-events')
export const deliveries = (id: string, pageToken: string) =>
  many<Page<Delivery>>(ROOM, `/webhooks/${at(id)}/deliveries`, { limit: 50, pageToken })

export const addWebhook = (body: { name: string; url: string; events: string[]; secret: string }) =>
  post<Webhook>('/webhooks', body)
export const changeWebhook = (id: string, body: { status?: Webhook['status']; secret?: string }) =>
  send<Webhook>('PATCH', `/webhooks/${at(id)}`, body)
export const removeWebhook = (id: string) => send<object>('DELETE', `/webhooks/${at(id)}`)
export const testWebhook = (id: string, event: string) => post<Outcome>(`/webhooks/${at(id)}/test`, { event })
export const redeliver = (id: string, delivery: string) =>
  post<object>(`/webhooks/${at(id)}/deliveries/${at(delivery)}/redeliver`)

/** 256 random bits as text, made where it is shown: the server never says it. */
export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return `whs_${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
