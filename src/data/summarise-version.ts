import { parquetScan, type Analytics } from '../ports/analytics/analytics.ts'
import { mergeSchemas } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import type { Arrival } from './arrivals.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import { summarise } from './summary-scan.ts'
import { addUp, mergeSummaries, type SummaryState } from './summary.ts'
import { loadSummaryState } from './versions.ts'

/** Below this, sharing the work between threads costs more than the work. */
const SMALL_BYTES = 8_000_000

export interface VersionSummary {
  /** Of the version that would be made. */
  version: SummaryState
  /** Of the rows that arrive alone. */
  arrived: SummaryState
}

interface Part {
  sha256: string
  sizeBytes: number
  columns: Column[]
}

/** Reads the arriving rows, and adds to the parent's summary when the parent is wholly part of the version. */
export async function summariseVersion(
  context: IngestContext,
  { parent, parentManifest, items, kept }: IngestPlan,
  arrivals: readonly Arrival[],
): Promise<VersionSummary> {
  const arrived = await summariseParts(
    context,
    arrivals.flatMap(({ file, blob, columns }) =>
      items.filter(({ sha256 }) => sha256 === file.sha256).map(() => ({ ...blob, columns })),
    ),
  )
  const remaining = kept.map(({ part: { sha256, sizeBytes }, columns }) => ({ sha256, sizeBytes, columns }))
  const all = [...remaining]
  const isExtension = (parentManifest?.parts ?? []).every(({ sha256 }) => {
    const at = remaining.findIndex((part) => part.sha256 === sha256)
    if (at >= 0) remaining.splice(at, 1)
    return at >= 0
  })
  const before = isExtension && parent ? await loadSummaryState(context, parent) : undefined
  const extended = before && addUp(before, arrived) ? before : undefined
  const states = [
    ...(extended ? [extended] : []),
    await summariseParts(context, extended ? remaining : all),
    arrived,
  ]
  const filled = states.filter(({ columns }) => columns.length > 0)
  return { arrived, version: filled.length === 0 ? arrived : filled.reduce(mergeSummaries) }
}

/** Reads parts anew. */
export async function summariseParts(
  { artifacts, analytics }: Pick<IngestContext, 'artifacts' | 'analytics'>,
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
