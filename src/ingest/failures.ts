import type { Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { IngestContext } from './plan.ts'
import type { Dataset } from '../data/schema.ts'
import { findSource, insertChange, updateFailed, updateRepeated, updateRetryAt } from './store-sources.ts'
import { findLatestVersion } from '../data/data.ts'

const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 5 * 60_000

/**
 * Notes that a source could not be looked at or read, and when it may be tried again by itself. The version that the dataset has stays. Returns
 * the error to throw, which says so.
 */
export async function recordFailure(
  { db, clock, ids }: Pick<IngestContext, 'db' | 'clock' | 'ids'>,
  actor: Actor,
  dataset: Dataset,
  cause: AppError,
): Promise<AppError> {
  const { id: datasetId, projectId, name } = dataset
  const latest = await findLatestVersion(db.read, datasetId)
  const isAway = cause.code === 'unavailable' && latest !== undefined
  const error = `${name}: ${cause.message}${isAway ? `; version ${latest.number} is kept` : ''}`
  const cursor = (await findSource(db.read, datasetId))?.cursor ?? null
  const nothing = { count: 0, names: [] }
  await db.write(async (trx) => {
    const failures = await updateFailed(trx, { projectId, datasetId, error })
    const wait = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20), LONGEST_RETRY_MS)
    await updateRetryAt(trx, datasetId, (await db.wallTime(trx)) + wait)
    if (await updateRepeated(trx, datasetId, { error, nowMs: clock.now() })) return
    await insertChange(trx, {
      id: ids.uuid(),
      project_id: projectId,
      dataset_id: datasetId,
      kind: 'failed',
      actor_id: actor.id,
      actor_name: actor.name,
      cursor_before: cursor,
      cursor_after: cursor,
      items_json: JSON.stringify({ added: nothing, changed: nothing, removed: nothing }),
      schema_change_json: null,
      version_id: null,
      report_id: null,
      rows: 0,
      late_rows: 0,
      error,
      times: 1,
      created_ms: clock.now(),
      updated_ms: clock.now(),
    })
  })
  return new AppError(cause.code, error, { cause, details: cause.details })
}
