import { sql } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import type { DialectName } from '../ports/db/dialect.ts'
import { searchPage, type Page, type Search } from './store-page.ts'
import { filterSql, orderSql, type Searchable } from './store-search.ts'
import type { LoggedModelRow } from './tables.ts'

const LOGGED_MODELS: Searchable = {
  what: 'Logged models',
  attributes: {
    id: { column: 'm.id', kind: 'text' },
    name: { column: 'm.name', kind: 'text' },
    modelType: { column: 'm.model_type', kind: 'text', nullable: true },
    status: { column: 'm.status', kind: 'text' },
    sourceRunId: { column: 'm.source_run_id', kind: 'text', nullable: true },
    createdMs: { column: 'm.created_ms', kind: 'number' },
    updatedMs: { column: 'm.updated_ms', kind: 'number' },
  },
  values: {
    param: { table: 'logged_model_param', owner: 'logged_model_id' },
    tag: { table: 'logged_model_tag', owner: 'logged_model_id' },
  },
  metric: { table: 'logged_model_metric', owner: 'logged_model_id', byDataset: true },
  id: 'm.id',
}

export async function searchLoggedModelRows(
  at: Queryable,
  dialect: DialectName,
  search: Search & { experimentIds: readonly string[] },
): Promise<Page<LoggedModelRow>> {
  if (search.experimentIds.length === 0) return { rows: [] }
  return await searchPage<LoggedModelRow>(at, search, {
    from: sql`logged_model m`,
    columns: sql`m.*`,
    scope: sql`m.project_id = ${search.projectId} and m.lifecycle = 'active'
      and m.experiment_id in (${sql.join(search.experimentIds)})`,
    filter: filterSql(dialect, LOGGED_MODELS, search.filter),
    order: orderSql(LOGGED_MODELS, search.orderBy, [
      { expression: sql.ref('m.created_ms'), descending: true },
      { expression: sql.ref('m.id'), descending: false },
    ]),
  })
}
