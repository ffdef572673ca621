import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ViewSpec } from './schema.ts'

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

/** Retired definitions that the online store holds values of. */
export async function listRetiredWithValues(at: Queryable, projectId: string): Promise<ViewSpec[]> {
  const rows = await at
    .selectFrom('feature_view as view')
    .innerJoin('feature_materialization as done', (join) =>
      join
        .onRef('done.project_id', '=', 'view.project_id')
        .onRef('done.view', '=', 'view.name')
        .onRef('done.definition_hash', '=', 'view.definition_hash'),
    )
    .select('view.spec_json')
    .where('view.project_id', '=', projectId)
    .where('view.retired', '=', 1)
    .execute()
  return rows.map(({ spec_json }) => JSON.parse(spec_json) as ViewSpec)
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
