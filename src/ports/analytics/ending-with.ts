import type { Analytics, AnalyticsSession } from './analytics.ts'
import { onceInSession } from './once-in-session.ts'

/** A query that waits for its turn does not see that it is interrupted: it is told again. */
const TELL_AGAIN_MS = 100

/**
 * The same DuckDB for work that has an end: when the signal aborts, what runs is interrupted, and it and whatever is asked later throw the signal's
 * reason. `until` is asked with the first session.
 */
export function endingWith(analytics: Analytics, until: () => AbortSignal): Analytics {
  const session: Analytics['session'] = async (options) => {
    const signal = until()
    signal.throwIfAborted()
    return endSession(await analytics.session(options), signal)
  }
  return {
    ...onceInSession(session),
    session,
    [Symbol.asyncDispose]: () => analytics[Symbol.asyncDispose](),
  }
}

function endSession(session: AnalyticsSession, signal: AbortSignal): AnalyticsSession {
  const run = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    signal.throwIfAborted()
    let again: NodeJS.Timeout | undefined
    const interrupt = (): void => {
      session.interrupt()
      again = setInterval(() => session.interrupt(), TELL_AGAIN_MS)
    }
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', interrupt)
      clearInterval(again)
    }
  }
  return {
    query: (sql, parameters) => run(() => session.query(sql, parameters)),
    columns: (sql, parameters) => run(() => session.columns(sql, parameters)),
    execute: (sql, parameters) => run(() => session.execute(sql, parameters)),
    append: (table, types, columns) => run(() => session.append(table, types, columns)),
    async *chunks(sql) {
      const chunks = session.chunks(sql)[Symbol.asyncIterator]()
      try {
        for (;;) {
          const { done, value } = await run(() => chunks.next())
          if (done === true) return
          yield value
        }
      } finally {
        await chunks.return?.()
      }
    },
    interrupt: () => session.interrupt(),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  }
}
