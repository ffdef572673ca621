export interface WebhookRow {
  id: string
  project_id: string
  name: string
  description: string
  url: string
  status: 'ACTIVE' | 'DISABLED'
  /** Sealed (`sealed-secret.ts`); null without one. */
  secret: string | null
  events_json: string
  created_ms: number
  updated_ms: number
  /** Locks the webhook while a delivery is claimed. */
  claimed_ms: number
}

type DeliveryState = 'waiting' | 'sending' | 'delivered' | 'failed'

/** One event for one webhook, with the body that is sent each time. */
export interface WebhookDeliveryRow {
  id: string
  project_id: string
  webhook_id: string
  event: string
  body: string
  state: DeliveryState
  attempts: number
  /** Wall time from which it may be sent. */
  due_ms: number
  /** In the state `sending`: after this another worker may send it again. */
  lease_until_ms: number | null
  created_ms: number
  finished_ms: number | null
}

export interface WebhookAttemptRow {
  delivery_id: string
  number: number
  project_id: string
  at_ms: number
  status: number | null
  latency_ms: number
  /** The beginning of what was answered. */
  answer: string
  error: string | null
}

export interface WebhooksTables {
  webhook: WebhookRow
  webhook_delivery: WebhookDeliveryRow
  webhook_attempt: WebhookAttemptRow
}
