import { environmentName, type Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { monotonicMs } from '../kernel/clock.ts'
import { lazy } from '../kernel/lazy.ts'
import { endingWith, type WorkEnd } from '../ports/analytics/ending-with.ts'
import type { Context } from './context.ts'

/** The settings that limit what one request asks of DuckDB. */
export type QueryLimit = keyof Config & ('queryLimitMs' | 'exportLimitMs')

/** The context of one request: what it asks of DuckDB ends with its client, or after the limit, counted from its first query. */
export function limitQueries(context: Context, request: Request, limit: QueryLimit): Context {
  const until = lazy(() => endOf(request, context.config, limit))
  return { ...context, analytics: endingWith(context.analytics, until) }
}

function endOf({ signal: client }: Request, config: Config, limit: QueryLimit): WorkEnd {
  const ended = new AbortController()
  const dueMs = monotonicMs() + config[limit]
  const end = (): void => ended.abort(tooLong(config, limit))
  client.addEventListener('abort', () => ended.abort(new AppError('unavailable', 'Who asked has gone')))
  return {
    signal: ended.signal,
    start() {
      const leftMs = dueMs - monotonicMs()
      if (leftMs <= 0) end()
      const timer = setTimeout(end, Math.max(leftMs, 0))
      return { [Symbol.dispose]: () => clearTimeout(timer) }
    },
  }
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
