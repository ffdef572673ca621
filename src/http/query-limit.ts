import { environmentName, type Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { lazy } from '../kernel/lazy.ts'
import { endingWith } from '../ports/analytics/ending-with.ts'
import type { Context } from './context.ts'

/** The settings that limit what one request asks of DuckDB. */
export type QueryLimit = keyof Config & ('queryLimitMs' | 'exportLimitMs')

/** The context of one request: what it asks of DuckDB ends with its client, or after the limit, counted from its first query. */
export function limitQueries(context: Context, request: Request, limit: QueryLimit): Context {
  const until = lazy(() => {
    const ended = new AbortController()
    const late = setTimeout(() => ended.abort(tooLong(context.config, limit)), context.config[limit])
    late.unref()
    request.signal.addEventListener('abort', () => {
      clearTimeout(late)
      ended.abort(new AppError('unavailable', 'Who asked has gone'))
    })
    return ended.signal
  })
  return { ...context, analytics: endingWith(context.analytics, until) }
}

/** `invalid`, for clients repeat by themselves what was `unavailable`. */
function tooLong(config: Config, limit: QueryLimit): AppError {
  return new AppError(
    'invalid',
    `Reading these rows took longer than ${config[limit] / 1000} seconds, which is the limit of a request (${environmentName(limit)}). ` +
      'Ask for fewer columns or a smaller version, or run `tidemill data sample`, `sql` or `export`: there DuckDB runs in the command, as long as it takes',
    { details: { limitMs: config[limit] } },
  )
}
