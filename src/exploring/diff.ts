import { comparableParts, loadSummaryState, partsOnlyIn, resolveVersion } from '../data/data.ts'
import type { z } from 'zod'
import type { Context } from '../http/context.ts'
import { distanceFrom } from '../expectations/expectations.ts'
import { compareSchemas } from '../sources/sources.ts'
import { kindOf } from '../sources/schema.ts'
import { deliveredColumns, presentSummary, type SummaryState, wassersteinOf } from '../summaries/summaries.ts'
import type { DatasetVersion, Part } from '../data/schema.ts'
import type { DatasetDiff, diffedSide } from './diff-schema.ts'

/** How two versions of a dataset differ, from their manifests and summaries: no row is read. */
export async function diffVersions(
  context: Pick<Context, 'db' | 'artifacts'>,
  { projectId, dataset, from, to }: { projectId: string; dataset: string; from: number; to: number },
): Promise<DatasetDiff> {
  const find = (number: number): Promise<DatasetVersion> =>
    resolveVersion(context, { projectId, reference: `${dataset}@${number}` })
  const [before, after] = [await find(from), await find(to)]
  const isWhole = before.deleted === null && after.deleted === null
  return {
    dataset,
    from: toDiffed(before),
    to: toDiffed(after),
    same: before.contentHash === after.contentHash,
    schemaChange: compareSchemas(before.schema, after.schema),
    parts: isWhole ? compareParts(await comparableParts(context, before, after)) : null,
    columns: compareColumns(await loadSummaryState(context, before), await loadSummaryState(context, after)),
  }
}

function toDiffed(version: DatasetVersion): DatasetDiff['from'] {
  const { number, rows, minTimeMs, maxTimeMs, createdMs, contentHash } = version
  return { number, rows, minTimeMs, maxTimeMs, createdMs, contentHash }
}

function compareParts({ before, after }: { before: Part[]; after: Part[] }): DatasetDiff['parts'] {
  const { only: removed, shared } = partsOnlyIn(before, after)
  const { only: added } = partsOnlyIn(after, before)
  const rowsOf = (parts: readonly Part[]): number => parts.reduce((sum, { rows }) => sum + rows, 0)
  return {
    kept: shared.length,
    added: added.length,
    removed: removed.length,
    addedRows: rowsOf(added),
    removedRows: rowsOf(removed),
  }
}

function compareColumns(before: SummaryState, after: SummaryState): DatasetDiff['columns'] {
  const [old, now] = [sidesOf(before), sidesOf(after)]
  return [...old]
    .flatMap(([name, reference]) => {
      const current = now.get(name)
      if (!current) return []
      const { type } = current.state
      const kind = kindOf(type)
      const isComparable =
        (kind === 'number' || kind === 'category') &&
        kind === kindOf(reference.state.type) &&
        reference.state.rows > 0 &&
        current.state.rows > 0
      return [
        {
          name,
          type,
          from: reference.side,
          to: current.side,
          distances: isComparable ? distancesOf(reference, current) : null,
        },
      ]
    })
    .sort((a, b) => (b.distances?.jensenShannon ?? -1) - (a.distances?.jensenShannon ?? -1))
}

interface Side {
  state: SummaryState['columns'][number]
  delivered: ReturnType<typeof deliveredColumns>[number]
  side: z.infer<typeof diffedSide>
  standardDeviation: number | null
}

function sidesOf(summary: SummaryState): Map<string, Side> {
  const delivered = deliveredColumns(summary)
  const shown = presentSummary(summary).columns
  return new Map(
    summary.columns.map((state, index) => {
      const { distinct, mean, standardDeviation } = shown[index]!
      const nullShare = state.rows === 0 ? 0 : state.nulls / state.rows
      const view = { nullShare, distinct, mean }
      return [state.name, { state, delivered: delivered[index]!, side: view, standardDeviation }]
    }),
  )
}

function distancesOf(
  reference: Side,
  current: Side,
): NonNullable<DatasetDiff['columns'][number]['distances']> {
  const wasserstein =
    kindOf(reference.state.type) === 'number' ? wassersteinOf(reference.state, current.state) : null
  const sd = reference.standardDeviation
  return {
    psi: distanceFrom(reference.delivered, current.delivered, 'psi'),
    jensenShannon: distanceFrom(reference.delivered, current.delivered, 'jensenShannon'),
    wasserstein,
    wassersteinSd: wasserstein === null || sd === null || sd === 0 ? null : wasserstein / sd,
  }
}
