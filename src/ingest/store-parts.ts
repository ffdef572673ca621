import { requireNoErasure } from './overtaken.ts'
import { type DatasetPartRow, insertParts, lockDataset } from '../data/data.ts'
import { canonicalJson } from '../kernel/json.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Arrival } from './arrivals.ts'
import { toPartRow, type MergedPart } from './merge-parts.ts'
import { readingText, type IngestContext, type IngestPlan } from './plan.ts'

const BATCH = 100

/** The parts of arriving files, each content once, and those that were merged, in short transactions before the version that needs them. */
export async function storeParts(
  context: IngestContext,
  plan: IngestPlan,
  parts: IngestPlan['kept'],
  { arrivals, merged }: { arrivals: readonly Arrival[]; merged: readonly MergedPart[] },
): Promise<void> {
  const { dataset } = plan
  const bySource = new Map(parts.map((entry) => [entry.part.source.sha256, entry]))
  const mergedRows = merged.map((each) => toPartRow(each, plan, context.clock.now()))
  const arrivedRows = arrivals.map(({ file }): DatasetPartRow => {
    const { part, columns } = bySource.get(file.sha256)!
    return {
      project_id: dataset.projectId,
      dataset_id: dataset.id,
      source_sha256: file.sha256,
      reading: readingText(file, plan.protection),
      sha256: part.sha256,
      size_bytes: part.sizeBytes,
      rows: part.rows,
      min_time_ms: part.minTimeMs,
      max_time_ms: part.maxTimeMs,
      schema_json: canonicalJson(columns),
      created_ms: context.clock.now(),
    }
  })
  const rows = [...arrivedRows, ...mergedRows]
  for (let start = 0; start < rows.length; start += BATCH) {
    const batch = rows.slice(start, start + BATCH)
    await context.db.write(async (trx) => {
      await lockDataset(trx, dataset.id)
      await requireNoErasure(trx, plan)
      for (const row of batch)
        await recordBlob(trx, {
          projectId: dataset.projectId,
          blob: { sha256: row.sha256, sizeBytes: row.size_bytes },
          nowMs: context.clock.now(),
        })
      await insertParts(trx, batch)
    })
  }
}
