import type { Context } from '../http/context.ts'
import { parquetScan, type Analytics } from '../ports/analytics/analytics.ts'
import type { Column } from '../sources/schema.ts'
import { mergeSchemas } from '../sources/sources.ts'
import { summarise } from './scan.ts'
import type { SummaryState } from './state.ts'

/** Below this, sharing the work between threads costs more than the work. */
const SMALL_BYTES = 8_000_000

interface Part {
  sha256: string
  sizeBytes: number
  columns: Column[]
}

/** Reads parts anew. */
export async function summariseParts(
  { artifacts, analytics }: Pick<Context, 'artifacts' | 'analytics'>,
  parts: readonly Part[],
): Promise<SummaryState> {
  if (parts.length === 0) return { rows: 0, columns: [] }
  const paths = await Promise.all(parts.map(({ sha256 }) => artifacts.localPath(sha256)))
  const isFew = isSmall(parts)
  await using session = await sessionFor({ analytics }, parts)
  const schema = mergeSchemas(parts.map(({ columns }) => columns))
  let scan = `SELECT * FROM ${parquetScan(paths)}`
  if (isFew) {
    // Each of the summary's subqueries reads the rows anew, and opening a file costs more than a few rows.
    await session.execute(`CREATE TEMP TABLE __scanned AS ${scan}`)
    scan = 'SELECT * FROM __scanned'
  }
  return await summarise(session, scan, schema)
}

/** One thread for few bytes, as many as there are for more. */
export async function sessionFor(
  { analytics }: { analytics: Analytics },
  parts: readonly { sizeBytes: number }[],
) {
  return await analytics.session(isSmall(parts) ? { threads: 1 } : {})
}

function isSmall(parts: readonly { sizeBytes: number }[]): boolean {
  return parts.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0) < SMALL_BYTES
}
