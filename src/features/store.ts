import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ViewSpec } from './schema.ts'
import { insertMaterializationState } from './store-history.ts'
import type { FeatureDefinitionRow, FeatureMaterializationRow, FeatureViewRow } from './tables.ts'

export async function listDefinitions(
  at: Queryable,
  projectId: string,
  kind: FeatureDefinitionRow['kind'],
): Promise<FeatureDefinitionRow[]> {
  return await at
    .selectFrom('feature_definition')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('kind', '=', kind)
    .orderBy('name')
    .execute()
}

export async function listAllDefinitions(at: Queryable, projectId: string): Promise<FeatureDefinitionRow[]> {
  return await at
    .selectFrom('feature_definition')
    .selectAll()
    .where('project_id', '=', projectId)
    .orderBy('name')
    .orderBy('kind')
    .execute()
}

/** On-demand features and services of all projects, in order. */
export async function listServedDefinitions(at: Queryable): Promise<FeatureDefinitionRow[]> {
  return await at
    .selectFrom('feature_definition')
    .selectAll()
    .where('kind', 'in', ['on_demand', 'service'])
    .orderBy('project_id')
    .orderBy('name')
    .execute()
}

/** The views that projects declare now, of all projects, in order. */
export async function listCurrentViews(at: Queryable): Promise<StoredView[]> {
  const rows = await at
    .selectFrom('feature_view')
    .selectAll()
    .where('current', '=', 1)
    .orderBy('project_id')
    .orderBy('name')
    .execute()
  return rows.map(toView)
}

export async function replaceDefinitions(
  trx: Trx,
  projectId: string,
  rows: readonly FeatureDefinitionRow[],
): Promise<void> {
  await trx.deleteFrom('feature_definition').where('project_id', '=', projectId).execute()
  if (rows.length > 0) await trx.insertInto('feature_definition').values(rows).execute()
}

export interface StoredView {
  projectId: string
  spec: ViewSpec
  current: boolean
  codeSnapshot: string | null
}

/** The definitions of views whose values are kept up to date: the current ones and, until retired, earlier ones. */
export async function listLiveViews(
  at: Queryable,
  filter: { projectId: string; name?: string | undefined },
): Promise<StoredView[]> {
  const rows = await at
    .selectFrom('feature_view')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .where('retired', '=', 0)
    .$if(filter.name !== undefined, (query) => query.where('name', '=', filter.name!))
    .orderBy('name')
    .orderBy('created_ms', 'desc')
    .execute()
  return rows.map(toView)
}

/** Every definition of views of an entity, retired ones too: the online store may hold values of any. */
export async function listViewsOfEntity(
  at: Queryable,
  projectId: string,
  entity: string,
): Promise<StoredView[]> {
  const rows = await at
    .selectFrom('feature_view')
    .selectAll()
    .where('project_id', '=', projectId)
    .orderBy('name')
    .orderBy('definition_hash')
    .execute()
  return rows.map(toView).filter(({ spec }) => spec.entity === entity)
}

export async function findView(
  at: Queryable,
  projectId: string,
  name: string,
  definitionHash: string,
): Promise<StoredView | undefined> {
  const row = await at
    .selectFrom('feature_view')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .where('definition_hash', '=', definitionHash)
    .executeTakeFirst()
  return row && toView(row)
}

export async function updateNoCurrentViews(trx: Trx, projectId: string): Promise<void> {
  await trx.updateTable('feature_view').set({ current: 0 }).where('project_id', '=', projectId).execute()
}

export async function upsertCurrentView(trx: Trx, row: FeatureViewRow): Promise<void> {
  await trx
    .insertInto('feature_view')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['project_id', 'name', 'definition_hash'])
        .doUpdateSet({ spec_json: row.spec_json, code_snapshot: row.code_snapshot, current: 1, retired: 0 }),
    )
    .execute()
}

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

/** Live views with their materialization as `done`. */
function liveMaterializations(at: Queryable) {
  return at
    .selectFrom('feature_materialization as done')
    .innerJoin('feature_view as view', (join) =>
      join
        .onRef('view.project_id', '=', 'done.project_id')
        .onRef('view.name', '=', 'done.view')
        .onRef('view.definition_hash', '=', 'done.definition_hash'),
    )
    .selectAll('view')
    .where('view.retired', '=', 0)
}

/** Live views whose data have something to give that was still in the future the last time. */
export async function listDueViews(
  at: Queryable,
  nowMs: number,
): Promise<(StoredView & { nextEventMs: number })[]> {
  const rows = await liveMaterializations(at)
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
  const rows = await liveMaterializations(at).select('done.online_mark').execute()
  return rows.map((row) => ({ ...toView(row), onlineMark: row.online_mark }))
}

function toView(row: FeatureViewRow): StoredView {
  return {
    projectId: row.project_id,
    spec: JSON.parse(row.spec_json) as ViewSpec,
    current: row.current === 1,
    codeSnapshot: row.code_snapshot,
  }
}
