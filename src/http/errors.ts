import { toAppError, type ErrorCode } from '../kernel/errors.ts'
import type { Logger } from 'pino'

/** The status of each code in the native REST protocol. */
export const STATUS = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>

export interface ErrorBody {
  error: { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> }
}

export function errorResponse(error: unknown, log: Pick<Logger, 'error'>): Response {
  const known = toAppError(error)
  if (known.code === 'internal') log.error({ err: known.cause ?? known }, 'request failed')
  const body: ErrorBody = { error: { code: known.code, message: known.message, details: known.details } }
  return Response.json(body, { status: STATUS[known.code] })
}
