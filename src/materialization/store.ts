import type { Queryable, Trx } from '../ports/db/db.ts'
import { toView, type StoredView } from '../features/features.ts'
import type { ViewSpec } from '../features/schema.ts'
import { insertMaterializationState } from './store-history.ts'
import type { FeatureMaterializationRow } from './tables.ts'

export async function findMaterialization(
  at: Queryable,
  projectId: string,
  { view, definitionHash }: ViewSpec,
): Promise<FeatureMaterializationRow | undefined> {
  return await at
    .selectFrom('feature_materialization')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('view', '=', view)
    .where('definition_hash', '=', definitionHash)
    .executeTakeFirst()
}

export async function upsertMaterialization(trx: Trx, row: FeatureMaterializationRow): Promise<void> {
  const { cursor_ms, dataset_version_id, rows, newest_event_ms, next_event_ms, online_mark, updated_ms } = row
  await trx
    .insertInto('feature_materialization')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['project_id', 'view', 'definition_hash']).doUpdateSet({
        cursor_ms,
        dataset_version_id,
        rows,
        newest_event_ms,
        next_event_ms,
        online_mark,
        updated_ms,
      }),
    )
    .execute()
  await insertMaterializationState(trx, row)
}

/** Of these dataset versions, those that the online values of a view come from. */
export async function listDatasetVersionUses(
  at: Queryable,
  ids: readonly string[],
): Promise<{ id: string; what: string }[]> {
  const rows = await at
    .selectFrom('feature_materialization')
    .select(['dataset_version_id', 'view'])
    .where('dataset_version_id', 'in', ids)
    .execute()
  return rows.map(({ dataset_version_id, view }) => ({
    id: dataset_version_id,
    what: `the online values of ${view}`,
  }))
}

/** Definitions of views with their materialization as `done`. */
function materializations(at: Queryable, { retired }: { retired: boolean }) {
  return at
    .selectFrom('feature_materialization as done')
    .innerJoin('feature_view as view', (join) =>
      join
        .onRef('view.project_id', '=', 'done.project_id')
        .onRef('view.name', '=', 'done.view')
        .onRef('view.definition_hash', '=', 'done.definition_hash'),
    )
    .selectAll('view')
    .where('view.retired', '=', retired ? 1 : 0)
}

/** Live views whose data have something to give that was still in the future the last time. */
export async function listDueViews(
  at: Queryable,
  nowMs: number,
): Promise<(StoredView & { nextEventMs: number })[]> {
  const rows = await materializations(at, { retired: false })
    .select('done.next_event_ms')
    .where('done.next_event_ms', '<=', nowMs)
    .where('done.cursor_ms', '<=', nowMs - 10_000)
    .execute()
  return rows.map((row) => ({ ...toView(row), nextEventMs: row.next_event_ms! }))
}

/** Live views that were materialised, with the mark that the online store must know. */
export async function listMaterializedViews(
  at: Queryable,
): Promise<(StoredView & { onlineMark: string | null })[]> {
  const rows = await materializations(at, { retired: false }).select('done.online_mark').execute()
  return rows.map((row) => ({ ...toView(row), onlineMark: row.online_mark }))
}

/** Retired definitions that the online store holds values of. */
export async function listRetiredWithValues(at: Queryable, projectId: string): Promise<ViewSpec[]> {
  const rows = await materializations(at, { retired: true })
    .where('view.project_id', '=', projectId)
    .execute()
  return rows.map((row) => toView(row).spec)
}

/** Projects with definitions of views that are no longer declared, and are kept up to date or have values still. */
export async function listProjectsWithOldViews(at: Queryable): Promise<string[]> {
  const rows = await at
    .selectFrom('feature_view as view')
    .leftJoin('feature_materialization as done', (join) =>
      join
        .onRef('done.project_id', '=', 'view.project_id')
        .onRef('done.view', '=', 'view.name')
        .onRef('done.definition_hash', '=', 'view.definition_hash'),
    )
    .select('view.project_id')
    .distinct()
    .where('view.current', '=', 0)
    .where((eb) => eb.or([eb('view.retired', '=', 0), eb('done.view', 'is not', null)]))
    .orderBy('view.project_id')
    .execute()
  return rows.map(({ project_id }) => project_id)
}

export async function deleteMaterialization(
  trx: Trx,
  projectId: string,
  { view, definitionHash }: Pick<ViewSpec, 'view' | 'definitionHash'>,
): Promise<void> {
  await trx
    .deleteFrom('feature_materialization')
    .where('project_id', '=', projectId)
    .where('view', '=', view)
    .where('definition_hash', '=', definitionHash)
    .execute()
}
