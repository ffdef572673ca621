/** Why an operation was refused. Each protocol maps every code to its own status in one table. */
export type ErrorCode =
  | 'invalid'
  | 'not_found'
  | 'already_exists'
  | 'conflict'
  | 'unauthenticated'
  | 'denied'
  | 'unavailable'
  | 'internal'

/**
 * The only error class. `message` and `details` are safe to show to any caller; `cause` is only logged.
 * The message says what is wrong, where, and what would be right.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { details?: Record<string, unknown> } = {},
  ) {
    super(message, options)
    this.code = code
    this.details = options.details ?? {}
  }
}

/** An `AppError` as it is, a full disk as `unavailable`; anything else becomes `internal`. The original is the cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (isDiskFull(error))
    return new AppError(
      'unavailable',
      'The disk is full: nothing was stored. Free some of it, and ask again',
      {
        cause: error,
      },
    )
  return new AppError('internal', 'An internal error occurred; the log has the details.', { cause: error })
}

/** Of the system, of PostgreSQL (`disk_full`), and of SQLite (`SQLITE_FULL`, the lowest byte of its codes). */
function isDiskFull(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: number }
  return code === 'ENOSPC' || code === 'EDQUOT' || code === '53100' || ((errcode ?? 0) & 0xff) === 13
}

/** The text of anything thrown, for logs and stored step errors; of a failed `fetch`, what it failed of. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, message } = error
  if (message !== 'fetch failed' || !(cause instanceof Error)) return message
  return cause.message || (cause as NodeJS.ErrnoException).code || message
}

/** For `catch`: what is not there is undefined, any other failure stays one. */
export function ignoreMissing(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'not_found') return undefined
  throw error
}
