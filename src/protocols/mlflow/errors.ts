import type { Logger } from 'pino'
import { AppError, toAppError, type ErrorCode } from '../../kernel/errors.ts'

/** MLflow's name and status of each code. Clients retry 429 and most 5xx for minutes, so only what may pass by itself gets one. */
export const STATUS = {
  invalid: { status: 400, errorCode: 'INVALID_PARAMETER_VALUE' },
  not_found: { status: 404, errorCode: 'RESOURCE_DOES_NOT_EXIST' },
  already_exists: { status: 400, errorCode: 'RESOURCE_ALREADY_EXISTS' },
  conflict: { status: 409, errorCode: 'RESOURCE_CONFLICT' },
  unauthenticated: { status: 401, errorCode: 'UNAUTHENTICATED' },
  denied: { status: 403, errorCode: 'PERMISSION_DENIED' },
  unavailable: { status: 503, errorCode: 'TEMPORARILY_UNAVAILABLE' },
  internal: { status: 500, errorCode: 'INTERNAL_ERROR' },
} as const satisfies Record<ErrorCode, { status: number; errorCode: string }>

export function errorResponse(error: unknown, log: Pick<Logger, 'error'>): Response {
  const known = toAppError(error)
  if (known.code === 'internal') log.error({ err: known.cause ?? known }, 'mlflow request failed')
  const { status, errorCode } = STATUS[known.code]
  return Response.json({ error_code: errorCode, message: known.message }, { status })
}

/** Clients fall back to older endpoints when they see this code. */
export function endpointNotFound(path: string): Response {
  const message = `${path} is not supported: Tidemill speaks MLflow's tracking, registry and artifact endpoints.`
  return Response.json({ error_code: 'ENDPOINT_NOT_FOUND', message }, { status: 404 })
}

export function invalid(message: string): AppError {
  return new AppError('invalid', message)
}
