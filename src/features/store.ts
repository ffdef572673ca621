import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ViewSpec } from './schema.ts'
import type { FeatureDefinitionRow, FeatureViewRow } from './tables.ts'

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

/** Retires definitions that are not declared, but for these hashes. Returns the names of the views. */
export async function updateRetired(trx: Trx, projectId: string, kept: readonly string[]): Promise<string[]> {
  const rows = await trx
    .updateTable('feature_view')
    .set({ retired: 1 })
    .where('project_id', '=', projectId)
    .where('current', '=', 0)
    .where('retired', '=', 0)
    .$if(kept.length > 0, (query) => query.where('definition_hash', 'not in', kept))
    .returning('name')
    .execute()
  return rows.map(({ name }) => name)
}

/** Brings retired definitions back. Returns those that were retired. */
export async function updateRevived(
  trx: Trx,
  projectId: string,
  hashes: readonly string[],
): Promise<ViewSpec[]> {
  if (hashes.length === 0) return []
  const rows = await trx
    .updateTable('feature_view')
    .set({ retired: 0 })
    .where('project_id', '=', projectId)
    .where('retired', '=', 1)
    .where('definition_hash', 'in', hashes)
    .returning('spec_json')
    .execute()
  return rows.map(({ spec_json }) => JSON.parse(spec_json) as ViewSpec)
}

export async function isRetired(
  at: Queryable,
  projectId: string,
  { view, definitionHash }: Pick<ViewSpec, 'view' | 'definitionHash'>,
): Promise<boolean> {
  const row = await at
    .selectFrom('feature_view')
    .select('retired')
    .where('project_id', '=', projectId)
    .where('name', '=', view)
    .where('definition_hash', '=', definitionHash)
    .executeTakeFirst()
  return row?.retired === 1
}

/** A row of `feature_view`. */
export function toView(row: FeatureViewRow): StoredView {
  return {
    projectId: row.project_id,
    spec: JSON.parse(row.spec_json) as ViewSpec,
    current: row.current === 1,
    codeSnapshot: row.code_snapshot,
  }
}
