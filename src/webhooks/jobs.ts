import type { Context } from '../http/context.ts'
import type { Job, JobHandler } from '../jobs/jobs.ts'
import { messageOf } from '../kernel/errors.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import type { Trx } from '../ports/db/db.ts'
import { DELIVER, enqueueDelivery } from './deliveries.ts'
import { openSecret } from './sealed-secret.ts'
import { TIMEOUT_MS, send, type Sent } from './send.ts'
import {
  countSending,
  findDueDelivery,
  getWebhookRow,
  insertAttempt,
  updateDelivery,
  updateWebhookRow,
} from './store.ts'
import type { WebhookDeliveryRow, WebhookRow } from './tables.ts'

const IN_FLIGHT = 4
const MAX_ATTEMPTS = 8
const FIRST_RETRY_MS = 1_000
const RETRY_FACTOR = 4
const LONGEST_RETRY_MS = HOUR_MS
const LEASE_MS = TIMEOUT_MS + 5_000
/** After so many the next job goes on, so that none holds its slot for long. */
const SENT_BY_ONE_JOB = 50

/**
 * Sends what is due of one webhook, one after another; several such jobs may run for it, up to the limit of deliveries in flight. At least once: a delivery whose
 * sender died is sent again under the same id when its lease is over.
 */
const deliverDue: JobHandler = {
  kind: DELIVER,
  slot: 'delivery',
  async run(context, job) {
    const webhookId = job.payload['webhookId'] as string
    for (let sent = 0; sent < SENT_BY_ONE_JOB; sent++) {
      const claimed = await context.db.write((trx) => claim(context, trx, job.projectId, webhookId))
      if (!claimed) return await lookAgain(context, job, webhookId)
      await deliver(context, job, claimed)
      if (job.signal.aborted) return
    }
    await context.db.write((trx) => enqueueDelivery(trx, { projectId: job.projectId, webhookId }))
  },
}

export const webhookJobs: readonly JobHandler[] = [deliverDue]

/** A job that died before may have left a delivery on its way, which is due when its lease is over. */
async function lookAgain({ db }: Pick<Context, 'db'>, job: Job, webhookId: string): Promise<void> {
  if (job.attempt === 1) return
  const { projectId } = job
  await db.write(async (trx) => {
    const atMs = (await db.wallTime(trx)) + LEASE_MS + 1
    await enqueueDelivery(trx, { projectId, webhookId, atMs })
  })
}

interface Claimed {
  webhook: WebhookRow
  delivery: WebhookDeliveryRow
}

/** Nothing when nothing is due, or as many as may be are on their way: those who send them look for the next. */
async function claim(
  { db }: Pick<Context, 'db'>,
  trx: Trx,
  projectId: string,
  webhookId: string,
): Promise<Claimed | undefined> {
  const nowMs = await db.wallTime(trx)
  if (!(await updateWebhookRow(trx, webhookId, { claimed_ms: nowMs }))) return undefined
  const webhook = await getWebhookRow(trx, projectId, webhookId)
  if (webhook.status !== 'ACTIVE' || (await countSending(trx, webhookId, nowMs)) >= IN_FLIGHT)
    return undefined
  const delivery = await findDueDelivery(trx, webhookId, nowMs)
  if (!delivery) return undefined
  const change = {
    state: 'sending',
    attempts: delivery.attempts + 1,
    lease_until_ms: nowMs + LEASE_MS,
  } as const
  await updateDelivery(trx, delivery.id, change)
  return { webhook, delivery: { ...delivery, ...change } }
}

async function deliver(context: Context, { signal }: Job, { webhook, delivery }: Claimed): Promise<void> {
  const { db, config } = context
  const atMs = await db.wallTime()
  const sent = await sendClaimed(config, { webhook, delivery, atMs, signal })
  if (signal.aborted && !sent.isSuccess) return
  await db.write((trx) => settle(context, trx, { webhook, delivery, sent, atMs }))
}

async function sendClaimed(
  config: Context['config'],
  { webhook, delivery, atMs, signal }: Claimed & { atMs: number; signal: AbortSignal },
): Promise<Sent> {
  let secret: string | undefined
  try {
    secret = webhook.secret === null ? undefined : openSecret(config, webhook.secret)
  } catch (error) {
    return { isSuccess: false, latencyMs: 0, answer: '', error: messageOf(error), mayRetry: true }
  }
  return await send({
    url: webhook.url,
    deliveryId: delivery.id,
    event: delivery.event,
    body: delivery.body,
    secret,
    nowMs: atMs,
    allowPrivate: config.webhookPrivateAddresses,
    signal,
  })
}

async function settle(
  { db }: Pick<Context, 'db'>,
  trx: Trx,
  { webhook, delivery, sent, atMs }: Claimed & { sent: Sent; atMs: number },
): Promise<void> {
  const { id, project_id, attempts: number } = delivery
  const { status = null, latencyMs, answer, error = null } = sent
  const nowMs = await db.wallTime(trx)
  await insertAttempt(trx, {
    delivery_id: id,
    number,
    project_id,
    at_ms: atMs,
    status,
    latency_ms: latencyMs,
    answer,
    error,
  })
  const goesOn = !sent.isSuccess && sent.mayRetry && number < MAX_ATTEMPTS
  if (!goesOn) {
    const state = sent.isSuccess ? 'delivered' : 'failed'
    return await updateDelivery(trx, id, { state, lease_until_ms: null, finished_ms: nowMs })
  }
  const due_ms = nowMs + retryDelayMs(number, sent.retryAfterMs)
  await updateDelivery(trx, id, { state: 'waiting', lease_until_ms: null, due_ms })
  await enqueueDelivery(trx, { projectId: project_id, webhookId: webhook.id, atMs: due_ms })
}

/** A second, then four times as long each time up to an hour, up to half of it off by chance; at least what the other side asks for. */
function retryDelayMs(attempts: number, retryAfterMs = 0): number {
  const full = Math.min(FIRST_RETRY_MS * RETRY_FACTOR ** (attempts - 1), LONGEST_RETRY_MS)
  const delay = full / 2 + Math.random() * (full / 2)
  return Math.round(Math.max(delay, Math.min(retryAfterMs, LONGEST_RETRY_MS)))
}
