import type { Analytics } from '../src/ports/analytics/analytics.ts'

/** The process that a DuckDB runs in, as it says itself (Linux). */
export async function duckDbPid(analytics: Analytics): Promise<number> {
  const [row] = await analytics.query(
    "SELECT min(CAST(split_part(file, '/', 5) AS BIGINT)) AS pid FROM glob('/proc/self/task/*/stat')",
  )
  const pid = Number(row!['pid'])
  if (!(pid > 1)) throw new Error(`DuckDB runs in the process ${pid}?`)
  return pid
}
