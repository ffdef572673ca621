import type { IngestContext, IngestPlan } from './plan.ts'
import { upsertCursor } from './store-sources.ts'
import { deleteFiles, listFileRows, upsertFiles } from './store.ts'
import type { DatasetFileRow } from './tables.ts'

const BATCH = 100

/** Notes what the probe saw where it made no version. */
export async function rememberSource(context: IngestContext, plan: IngestPlan): Promise<void> {
  await rememberItems(context, plan)
  const { hash, stored, cursorBefore, cursorAfter } = plan.source
  const isSame = stored
    ? stored.source_hash === hash && stored.failures === 0 && cursorAfter === cursorBefore
    : cursorAfter === null
  if (!isSame) await context.db.write((trx) => upsertCursor(trx, standOf(plan)))
}

export function standOf({ dataset, source }: IngestPlan) {
  const { hash, cursorAfter: cursor } = source
  return { projectId: dataset.projectId, datasetId: dataset.id, hash, cursor }
}

/** Notes size, time and tag of what was seen, so that the next probe need not read it. Losing this costs only time. */
export async function rememberItems({ db }: IngestContext, { dataset, items }: IngestPlan): Promise<void> {
  const rows = items.flatMap(({ path, sha256, changed, seen }): DatasetFileRow[] =>
    changed && seen
      ? [
          {
            project_id: dataset.projectId,
            dataset_id: dataset.id,
            path,
            size_bytes: seen.sizeBytes,
            modified_ns: seen.modifiedNs,
            tag: seen.tag,
            source_sha256: sha256,
            created_ms: Date.now(),
          },
        ]
      : [],
  )
  const present = new Set(items.map(({ path }) => path))
  const gone = (await listFileRows(db.read, dataset.id))
    .map(({ path }) => path)
    .filter((path) => !present.has(path))
  for (let start = 0; start < Math.max(rows.length, gone.length); start += BATCH) {
    await db.write(async (trx) => {
      await upsertFiles(trx, rows.slice(start, start + BATCH))
      await deleteFiles(trx, dataset.id, gone.slice(start, start + BATCH))
    })
  }
}
