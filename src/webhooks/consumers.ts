import type { Context } from '../http/context.ts'
import type { Consumer } from '../jobs/events.ts'
import { EVENTS, type DomainEvent, type EventKind } from '../kernel/events.ts'
import type { Trx } from '../ports/db/db.ts'
import { bodiesOf, kindsBehind } from './bodies.ts'
import { enqueueDelivery } from './deliveries.ts'
import { insertDelivery, listActiveWebhooks, toWebhook } from './store.ts'

/** Writes down what is to be delivered, in the transaction that passes the event. */
export const webhookConsumer: Consumer = {
  name: 'webhooks',
  kinds: Object.keys(EVENTS) as EventKind[],
  async narrow({ db }) {
    return kindsBehind((await listActiveWebhooks(db.read)).flatMap((row) => toWebhook(row).events))
  },
  handle: insertDeliveries,
}

async function insertDeliveries(context: Context, trx: Trx, event: DomainEvent): Promise<void> {
  const { projectId } = event
  const webhooks = (await listActiveWebhooks(trx, projectId)).map(toWebhook)
  const wanting = webhooks.filter(({ events }) => kindsBehind(events).has(event.kind))
  if (wanting.length === 0) return
  const nowMs = await context.db.wallTime(trx)
  const bodies = await bodiesOf(context, event)
  for (const { id: webhookId, events } of wanting)
    for (const [name, body] of bodies) {
      if (!events.includes(name)) continue
      await insertDelivery(trx, {
        id: context.ids.uuid(),
        project_id: projectId,
        webhook_id: webhookId,
        event: name,
        body,
        state: 'waiting',
        attempts: 0,
        due_ms: nowMs,
        lease_until_ms: null,
        created_ms: nowMs,
        finished_ms: null,
      })
      await enqueueDelivery(trx, { projectId, webhookId })
    }
}

export const consumers: readonly Consumer[] = [webhookConsumer]
