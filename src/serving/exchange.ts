import type { Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { PredictRequest } from './request-inputs.ts'

/** One HTTP call as a protocol of the gateway sees it. */
export interface GatewayCall {
  method: string
  /** Path below the project's prefix, without the query. */
  path: string
  query: URLSearchParams
  project: string
  header: (name: string) => string | undefined
  body: Buffer
  actor: Actor
  /** The actor's name, for the log; null for the local owner. */
  caller: string | null
  /** `performance.now()` when the call arrived. */
  startedMs: number
}

export interface GatewayReply {
  status: number
  contentType: string
  body: string | Uint8Array
  headers?: Readonly<Record<string, string>>
}

export function jsonReply(
  status: number,
  value: unknown,
  headers?: Readonly<Record<string, string>>,
): GatewayReply {
  return {
    status,
    contentType: 'application/json',
    body: JSON.stringify(value),
    ...(headers && { headers }),
  }
}

const MAX_ID_LENGTH = 200
const TRACE_PARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-/

/**
 * The request that a call makes: decoded rows, and what the call says about itself. Throws `invalid` for an event time
 * outside a replay, and for ids that are too long.
 */
export function toRequest(
  call: Pick<GatewayCall, 'header' | 'caller' | 'startedMs'>,
  { replay }: { replay: boolean },
  { rows, columns }: Pick<PredictRequest, 'rows' | 'columns'>,
  version?: number,
): PredictRequest {
  const requestId = call.header('x-request-id')
  if (requestId !== undefined && (requestId.length === 0 || requestId.length > MAX_ID_LENGTH)) {
    throw new AppError('invalid', `x-request-id must have 1 to ${MAX_ID_LENGTH} characters`)
  }
  const parent = call.header('traceparent')
  return {
    rows,
    columns,
    version,
    requestId,
    timeMs: eventTimeOf(call, replay),
    header: call.header,
    caller: call.caller,
    traceId: parent === undefined ? null : (TRACE_PARENT.exec(parent)?.[1] ?? null),
    startedMs: call.startedMs,
  }
}

/** The event time that a call says it is of; undefined where it says none. Throws `invalid` outside a replay. */
export function eventTimeOf(call: Pick<GatewayCall, 'header'>, replay: boolean): number | undefined {
  const text = call.header('tidemill-event-time')
  if (text === undefined) return undefined
  if (!replay) throw new AppError('invalid', 'tidemill-event-time is accepted only in a replay')
  const timeMs = Number(text)
  if (/^\d{1,15}$/.test(text)) return timeMs
  throw new AppError('invalid', `tidemill-event-time is "${text}"; it must be milliseconds since the epoch`)
}

/** Parses a JSON body. Throws `invalid` with what is wrong. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new AppError('invalid', `The body is no JSON: ${(cause as Error).message}`, { cause })
  }
}
