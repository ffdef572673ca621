import type { Analytics, AnalyticsSession } from './analytics.ts'

/** The calls of an `Analytics` that need no session of their own, each in one that is opened for it. */
export function onceInSession(
  open: () => Promise<AnalyticsSession>,
): Pick<Analytics, 'query' | 'columns' | 'execute'> {
  const once = async <Result>(work: (session: AnalyticsSession) => Promise<Result>): Promise<Result> => {
    await using session = await open()
    return await work(session)
  }
  return {
    query: (sql, parameters) => once((session) => session.query(sql, parameters)),
    columns: (sql, parameters) => once((session) => session.columns(sql, parameters)),
    execute: (sql, parameters) => once((session) => session.execute(sql, parameters)),
  }
}
