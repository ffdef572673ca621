import type { Analytics, AnalyticsSession } from './analytics.ts'
import { onceInSession } from './once-in-session.ts'

/** A query that waits for its turn does not see that it is interrupted: it is told again. */
const TELL_AGAIN_MS = 100

/** When work ends: `signal` says that it has, and why; its time runs while something runs, from `start` until what that returns is disposed of. */
export interface WorkEnd {
  signal: AbortSignal
  start(): Disposable
}

/**
 * The same DuckDB for work that has an end: when that has come, what runs is interrupted, and it and whatever is asked later throw the signal's
 * reason. `until` is asked with the first session.
 */
export function endingWith(analytics: Analytics, until: () => WorkEnd): Analytics {
  const session: Analytics['session'] = async (options) => {
    const end = until()
    end.signal.throwIfAborted()
    return endSession(await analytics.session(options), end)
  }
  return {
    ...onceInSession(session),
    session,
    [Symbol.asyncDispose]: () => analytics[Symbol.asyncDispose](),
  }
}

function endSession(session: AnalyticsSession, end: WorkEnd): AnalyticsSession {
  const { signal } = end
  const run = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    using _time = end.start()
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
