import { sql } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import type { DialectName } from '../ports/db/dialect.ts'
import { filterSql, orderSql, searchPage, type Page, type Search, type Searchable } from '../search/search.ts'
import type { ModelVersionRow, RegisteredModelRow } from './tables.ts'

const MODELS: Searchable = {
  what: 'Registered models',
  attributes: {
    name: { column: 'm.name', kind: 'text' },
    owner: { column: 'm.owner', kind: 'text', nullable: true },
    createdMs: { column: 'm.created_ms', kind: 'number' },
    updatedMs: { column: 'm.updated_ms', kind: 'number' },
  },
  values: { tag: { table: 'registered_model_tag', owner: 'model_id' } },
  id: 'm.id',
}

export async function searchModelRows(
  at: Queryable,
  dialect: DialectName,
  search: Search,
): Promise<Page<RegisteredModelRow>> {
  return await searchPage<RegisteredModelRow>(at, search, {
    from: sql`registered_model m`,
    columns: sql`m.*`,
    scope: sql`m.project_id = ${search.projectId} and m.deleted_ms is null`,
    filter: filterSql(dialect, MODELS, search.filter),
    order: orderSql(MODELS, search.orderBy, [{ expression: sql.ref('m.name'), descending: false }]),
  })
}

const VERSIONS: Searchable = {
  what: 'Model versions',
  attributes: {
    name: { column: 'm.name', kind: 'text' },
    version: { column: 'v.version', kind: 'number' },
    runId: { column: 'v.run_id', kind: 'text', nullable: true, emptyWhenNull: true },
    source: { column: 'v.source', kind: 'text' },
    createdMs: { column: 'v.created_ms', kind: 'number' },
    updatedMs: { column: 'v.updated_ms', kind: 'number' },
  },
  values: { tag: { table: 'model_version_tag', owner: 'model_version_id' } },
  id: 'v.id',
}

export async function searchVersionRows(
  at: Queryable,
  dialect: DialectName,
  search: Search,
): Promise<Page<ModelVersionRow & { model_name: string }>> {
  return await searchPage<ModelVersionRow & { model_name: string }>(at, search, {
    from: sql`model_version v join registered_model m on m.id = v.model_id`,
    columns: sql`v.*, m.name as model_name`,
    scope: sql`v.project_id = ${search.projectId} and v.deleted_ms is null`,
    filter: filterSql(dialect, VERSIONS, search.filter),
    order: orderSql(VERSIONS, search.orderBy, [
      ...(search.orderBy.length === 0 ? [{ expression: sql.ref('v.updated_ms'), descending: true }] : []),
      { expression: sql.ref('m.name'), descending: false },
      { expression: sql.ref('v.version'), descending: true },
    ]),
  })
}
