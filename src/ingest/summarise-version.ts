import type { Arrival } from './arrivals.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import { addUp, mergeSummaries, summariseParts, type SummaryState } from '../summaries/summaries.ts'
import { loadSummaryState } from '../data/data.ts'

export interface VersionSummary {
  /** Of the version that would be made. */
  version: SummaryState
  /** Of the rows that arrive alone. */
  arrived: SummaryState
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
