import { z } from 'zod'
import { unknownName } from '../kernel/unknown-name.ts'
import { EVENTS, type EventKind } from '../kernel/events.ts'
import { MLFLOW_EVENTS, type MlflowEvent } from './mlflow-events.ts'

/** Of no project, so that no webhook of one can tell of it. */
const OF_NO_PROJECT: EventKind = 'access.changed'

const nativeEvents = (Object.keys(EVENTS) as EventKind[]).filter((kind) => kind !== OF_NO_PROJECT)

/** What a webhook may be for, and whose event it is. */
export const eventNames: readonly EventName[] = [
  ...nativeEvents.map((name) => ({ name, of: 'tidemill' as const })),
  ...Object.keys(MLFLOW_EVENTS).map((name) => ({ name, of: 'mlflow' as const })),
]

const names = eventNames.map(({ name }) => name)

/** A member of the catalogue of events, such as `alert.raised`, or one of MLflow's, such as `model_version.created`. */
export type WebhookEventName = Exclude<EventKind, 'access.changed'> | MlflowEvent

export const WebhookEventName = z
  .custom<WebhookEventName>((value) => typeof value === 'string' && names.includes(value), {
    error: ({ input }) => unknownName('event', String(input), names).message,
  })
  .meta({ type: 'string', enum: [...names] })

export const EventName = z.object({ name: z.string(), of: z.enum(['tidemill', 'mlflow']) })
export type EventName = z.infer<typeof EventName>

const WebhookName = z
  .string()
  .regex(
    /^(?=.{1,63}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i,
    'a name has up to 63 letters, digits, dots, underscores and hyphens, and starts and ends with a letter or digit',
  )

const WebhookStatus = z.enum(['ACTIVE', 'DISABLED'])

export const WebhookSettings = z.strictObject({
  name: WebhookName,
  url: z.string().min(1).max(2000).describe('http or https'),
  events: z.array(WebhookEventName).min(1),
  description: z.string().max(1000).optional(),
  secret: z
    .string()
    .max(1000)
    .optional()
    .describe('Signs each delivery; kept encrypted and never shown again. Empty for none'),
  status: WebhookStatus.optional(),
})
export type WebhookSettings = z.infer<typeof WebhookSettings>

export const WebhookChange = WebhookSettings.partial()
export type WebhookChange = z.infer<typeof WebhookChange>

export const Webhook = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  events: z.array(WebhookEventName),
  description: z.string(),
  status: WebhookStatus,
  isSigned: z.boolean().describe('It has a secret'),
  createdMs: z.number(),
  updatedMs: z.number(),
})
export type Webhook = z.infer<typeof Webhook>

export const Attempt = z.object({
  number: z.number(),
  atMs: z.number(),
  status: z.number().optional().describe('Of the answer; none came when it is missing'),
  latencyMs: z.number(),
  answer: z.string().describe('Its first 1,000 characters'),
  error: z.string().optional(),
})
export type Attempt = z.infer<typeof Attempt>

export const Delivery = z.object({
  id: z.string().describe('The same in each attempt, as `X-MLflow-Delivery-Id`'),
  event: z.string(),
  body: z.string(),
  state: z.enum(['waiting', 'sending', 'delivered', 'failed']),
  dueMs: z.number(),
  createdMs: z.number(),
  finishedMs: z.number().optional(),
  attempts: z.array(Attempt),
})
export type Delivery = z.infer<typeof Delivery>

/** How the other side has taken a request. */
export const Outcome = z.object({
  isSuccess: z.boolean(),
  status: z.number().optional(),
  latencyMs: z.number(),
  answer: z.string(),
  error: z.string().optional(),
})
export type Outcome = z.infer<typeof Outcome>
