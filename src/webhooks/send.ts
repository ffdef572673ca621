import { createHmac } from 'node:crypto'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { lookupPublic, requirePublicUrl } from '../http/public-address.ts'
import { monotonicMs } from '../kernel/clock.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import type { Outcome } from './schema.ts'

export const TIMEOUT_MS = 10_000
const ANSWER_BYTES = 4_000
const ANSWER_LENGTH = 1_000

export interface Sending {
  url: string
  deliveryId: string
  event: string
  body: string
  secret?: string | undefined
  /** Wall time. */
  nowMs: number
  allowPrivate: boolean
  signal?: AbortSignal | undefined
}

/** An outcome, and whether it makes sense to try again, after so long where the other side says so. */
export interface Sent extends Outcome {
  mayRetry: boolean
  retryAfterMs?: number
}

/** Posts a body once: ten seconds at most, no redirect followed, no proxy, to a public address unless private ones are allowed. Never throws. */
export async function send(sending: Sending): Promise<Sent> {
  const startedMs = monotonicMs()
  const latency = (): number => Math.round(monotonicMs() - startedMs)
  try {
    const { answer, response } = await post(sending)
    const status = response.statusCode!
    const isSuccess = status >= 200 && status < 300
    const mayRetry = status === 429 || status >= 500
    const retryAfterMs = Number(response.headers['retry-after']) * 1000
    return {
      isSuccess,
      status,
      latencyMs: latency(),
      answer,
      mayRetry,
      ...(retryAfterMs > 0 && { retryAfterMs }),
      ...(status >= 300 && status < 400 && { error: 'Redirects are not followed' }),
    }
  } catch (error) {
    // An address that is refused stays so.
    const mayRetry = !(error instanceof AppError)
    return { isSuccess: false, latencyMs: latency(), answer: '', error: messageOf(error), mayRetry }
  }
}

/** `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, as MLflow signs its webhooks. */
export function signatureOf({
  secret,
  deliveryId,
  timestamp,
  body,
}: Record<'secret' | 'deliveryId' | 'timestamp' | 'body', string>): string {
  return `v1,${createHmac('sha256', secret).update(`${deliveryId}.${timestamp}.${body}`).digest('base64')}`
}

function headersOf({ deliveryId, event, body, secret, nowMs }: Sending): Record<string, string | number> {
  const timestamp = String(Math.floor(nowMs / 1000))
  return {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'tidemill',
    'x-mlflow-delivery-id': deliveryId,
    'x-mlflow-timestamp': timestamp,
    'x-tidemill-event': event,
    ...(secret && { 'x-mlflow-signature': signatureOf({ secret, deliveryId, timestamp, body }) }),
  }
}

function post(sending: Sending): Promise<{ response: IncomingMessage; answer: string }> {
  const url = requirePublicUrl(sending.url, sending)
  const { promise, resolve, reject } = Promise.withResolvers<{ response: IncomingMessage; answer: string }>()
  const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(sending.signal ? [sending.signal] : [])]
  const signal = AbortSignal.any(signals)
  const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: 'POST',
    headers: headersOf(sending),
    agent: false,
    signal,
    ...(!sending.allowPrivate && { lookup: lookupPublic }),
  })
  outgoing.on('error', (error) => reject(signal.aborted && !sending.signal?.aborted ? timedOut() : error))
  outgoing.on('response', (response) => {
    readBeginning(response).then((answer) => resolve({ response, answer }), reject)
  })
  outgoing.end(sending.body)
  return promise
}

function timedOut(): Error {
  return new Error(`No answer within ${TIMEOUT_MS / 1000} s`)
}

/** No more than is kept: an endless answer is cut off. */
async function readBeginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.byteLength
    if (size >= ANSWER_BYTES) break
  }
  response.destroy()
  return Buffer.concat(chunks).toString('utf8').replaceAll('\u0000', '').slice(0, ANSWER_LENGTH)
}
