import type { Analytics } from './analytics.ts'

/** DuckDB that is loaded when it is first asked: many steps never do, nor does a server that only tracks. */
export function lazyAnalytics(options: { memoryLimit?: string } = {}): Analytics {
  let opened: Promise<Analytics> | undefined
  const open = (): Promise<Analytics> => {
    opened ??= import('./duckdb.ts').then(({ openDuckDb }) => openDuckDb(options))
    return opened
  }
  return {
    query: async (sql, parameters) => await (await open()).query(sql, parameters),
    columns: async (sql, parameters) => await (await open()).columns(sql, parameters),
    execute: async (sql, parameters) => await (await open()).execute(sql, parameters),
    session: async (options) => await (await open()).session(options),
    async [Symbol.asyncDispose]() {
      if (opened) await (await opened)[Symbol.asyncDispose]()
    },
  }
}
