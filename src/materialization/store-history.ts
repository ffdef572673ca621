import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ViewSpec } from '../features/schema.ts'
import type { FeatureMaterializationHistoryRow, FeatureMaterializationRow } from './tables.ts'
import { DAY_MS } from '../kernel/time-spans.ts'

const KEEP_MS = 40 * DAY_MS

/** What the online store held of a view from `atMs` of domain time on: this version of its dataset, up to `cursorMs`. */
export interface MaterializationState {
  atMs: number
  cursorMs: number
  datasetVersionId: string
  newestEventMs: number | null
}

/** Keeps what the online store holds now beside what it held before, for forty days. */
export async function insertMaterializationState(
  trx: Trx,
  {
    project_id,
    view,
    definition_hash,
    cursor_ms,
    dataset_version_id,
    newest_event_ms,
    updated_ms,
  }: FeatureMaterializationRow,
): Promise<void> {
  await trx
    .insertInto('feature_materialization_history')
    .values({
      project_id,
      view,
      definition_hash,
      cursor_ms,
      dataset_version_id,
      at_ms: updated_ms,
      newest_event_ms,
      created_ms: updated_ms,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await trx
    .deleteFrom('feature_materialization_history')
    .where('project_id', '=', project_id)
    .where('view', '=', view)
    .where('definition_hash', '=', definition_hash)
    .where('at_ms', '<', updated_ms - KEEP_MS)
    .execute()
}

/**
 * What the online store held of a view in a span of domain time, in order: also all states of the last moment before it, and the one
 * that followed its end, which requests may have seen before it was written down.
 */
export async function listMaterializationStates(
  at: Queryable,
  {
    projectId,
    view,
    fromMs,
    toMs,
  }: { projectId: string; view: Pick<ViewSpec, 'view' | 'definitionHash'>; fromMs: number; toMs: number },
): Promise<MaterializationState[]> {
  const rows = at
    .selectFrom('feature_materialization_history')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('view', '=', view.view)
    .where('definition_hash', '=', view.definitionHash)
  const lastBefore = rows
    .where('at_ms', '<', fromMs)
    .clearSelect()
    .select('at_ms')
    .orderBy('at_ms', 'desc')
    .limit(1)
  const [before, within, after] = await Promise.all([
    rows.where('at_ms', '=', lastBefore).orderBy('cursor_ms').execute(),
    rows
      .where('at_ms', '>=', fromMs)
      .where('at_ms', '<=', toMs)
      .orderBy('at_ms')
      .orderBy('cursor_ms')
      .execute(),
    rows.where('at_ms', '>', toMs).orderBy('at_ms').orderBy('cursor_ms').limit(1).execute(),
  ])
  return [...before, ...within, ...after].map(toState)
}

function toState(row: FeatureMaterializationHistoryRow): MaterializationState {
  return {
    atMs: row.at_ms,
    cursorMs: row.cursor_ms,
    datasetVersionId: row.dataset_version_id,
    newestEventMs: row.newest_event_ms,
  }
}
