import type { Context } from '../http/context.ts'
import type { DomainEvent, EventKind } from '../kernel/events.ts'
import { MLFLOW_EVENTS, inMlflowWords, isMlflowEvent, kindBehind } from './mlflow-events.ts'
import type { WebhookEventName } from './schema.ts'

/** The kinds of our events that lead to these. */
export function kindsBehind(names: readonly WebhookEventName[]): Set<EventKind> {
  return new Set(names.map((name) => (isMlflowEvent(name) ? kindBehind(name) : name)))
}

/** What an event is to webhooks: by its own name, and by MLflow's where it has one. */
export async function bodiesOf(
  context: Pick<Context, 'db'>,
  event: DomainEvent,
): Promise<Map<WebhookEventName, string>> {
  const bodies = new Map<WebhookEventName, string>()
  const timestamp = isoTime(event.atMs)
  if (event.kind !== 'access.changed')
    bodies.set(
      event.kind,
      JSON.stringify({ event: event.kind, sequence: event.seq, timestamp, data: event.payload }),
    )
  const translated = await inMlflowWords(context, event)
  if (translated) bodies.set(translated.name, mlflowBody(translated.name, timestamp, translated.data))
  return bodies
}

/** The body of a test. */
export function exampleBody(name: WebhookEventName, atMs: number): string {
  const timestamp = isoTime(atMs)
  if (isMlflowEvent(name)) return mlflowBody(name, timestamp, MLFLOW_EVENTS[name])
  return JSON.stringify({ event: name, sequence: 0, timestamp, data: {}, isTest: true })
}

function mlflowBody(name: string, timestamp: string, data: object): string {
  const [entity, action] = name.split('.')
  return JSON.stringify({ entity, action, timestamp, data })
}

/** As Python writes UTC, which its older versions alone can read back. */
function isoTime(atMs: number): string {
  return new Date(atMs).toISOString().replace('Z', '+00:00')
}
