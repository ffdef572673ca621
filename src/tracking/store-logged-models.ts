import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isIn, type DialectName } from '../ports/db/dialect.ts'
import { inPieces } from '../ports/db/pieces.ts'
import { filterSql, orderSql, searchPage, type Page, type Search, type Searchable } from '../search/search.ts'
import type { LoggedModel, MetricPoint, Tag } from './schema.ts'
import { groupBy, lastOfEachKey } from './store.ts'
import { storedValue } from './store-metrics.ts'
import { toMetric } from './store-values.ts'
import type { LoggedModelMetricRow, LoggedModelRow } from './tables.ts'

export async function insertLoggedModel(trx: Trx, row: LoggedModelRow): Promise<void> {
  await trx.insertInto('logged_model').values(row).execute()
}

export async function updateLoggedModelRow(
  trx: Trx,
  id: string,
  change: Partial<Pick<LoggedModelRow, 'status' | 'lifecycle' | 'updated_ms'>>,
): Promise<void> {
  await trx.updateTable('logged_model').set(change).where('id', '=', id).execute()
}

export async function findLoggedModelRow(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<LoggedModelRow | undefined> {
  return await at
    .selectFrom('logged_model')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
}

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

export async function upsertLoggedModelValues(
  trx: Trx,
  table: 'logged_model_param' | 'logged_model_tag',
  owner: { id: string; projectId: string },
  values: readonly Tag[],
): Promise<void> {
  if (values.length === 0) return
  await trx
    .insertInto(table)
    .values(
      lastOfEachKey(values).map((value) => ({
        logged_model_id: owner.id,
        project_id: owner.projectId,
        ...value,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['logged_model_id', 'key']).doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })),
    )
    .execute()
}

export async function deleteLoggedModelTagRow(trx: Trx, id: string, key: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('logged_model_tag')
    .where('logged_model_id', '=', id)
    .where('key', '=', key)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Which of the ids are of no logged model of the project. */
export async function listUnknownLoggedModels(
  at: Queryable,
  projectId: string,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await at
    .selectFrom('logged_model')
    .select('id')
    .where('project_id', '=', projectId)
    .where('id', 'in', ids)
    .execute()
  const known = new Set(rows.map(({ id }) => id))
  return ids.filter((id) => !known.has(id))
}

/** What tells one point of a metric of a logged model from another. */
export const LOGGED_MODEL_POINT = [
  'logged_model_id',
  'key',
  'step',
  'timestamp_ms',
  'run_id',
  'dataset_name',
  'dataset_digest',
] as const

/** A logged model has a point of a metric for each (step, time, run, dataset); one that is there takes the new value. */
export async function upsertLoggedModelMetrics(
  trx: Trx,
  owner: { runId: string; projectId: string },
  points: readonly MetricPoint[],
): Promise<void> {
  const rows = new Map<string, LoggedModelMetricRow>()
  for (const point of points) {
    if (point.loggedModelId === undefined) continue
    const [value, is_nan] = storedValue(point.value)
    const row = {
      logged_model_id: point.loggedModelId,
      key: point.key,
      dataset_name: point.datasetName ?? '',
      dataset_digest: point.datasetDigest ?? '',
      run_id: owner.runId,
      project_id: owner.projectId,
      step: point.step,
      timestamp_ms: point.timestampMs,
      value,
      is_nan,
    }
    rows.set(JSON.stringify(LOGGED_MODEL_POINT.map((column) => row[column])), row)
  }
  if (rows.size === 0) return
  await trx
    .insertInto('logged_model_metric')
    .values([...rows.values()])
    .onConflict((conflict) =>
      conflict
        .columns(LOGGED_MODEL_POINT)
        .doUpdateSet((eb) => ({ value: eb.ref('excluded.value'), is_nan: eb.ref('excluded.is_nan') })),
    )
    .execute()
}

export async function toLoggedModels(at: Queryable, rows: readonly LoggedModelRow[]): Promise<LoggedModel[]> {
  const ids = rows.map((row) => row.id)
  const [params, tags, metrics] = await Promise.all([
    listLoggedModelValues(at, 'logged_model_param', ids),
    listLoggedModelValues(at, 'logged_model_tag', ids),
    listLoggedModelMetrics(at, ids),
  ])
  return rows.map((row) => ({
    id: row.id,
    experimentId: row.experiment_id,
    name: row.name,
    ...(row.model_type !== null && { modelType: row.model_type }),
    ...(row.source_run_id !== null && { sourceRunId: row.source_run_id }),
    status: row.status,
    artifactUri: row.artifact_uri,
    lifecycle: row.lifecycle,
    params: params.get(row.id) ?? [],
    tags: tags.get(row.id) ?? [],
    metrics: metrics.get(row.id) ?? [],
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  }))
}

async function listLoggedModelValues(
  at: Queryable,
  table: 'logged_model_param' | 'logged_model_tag',
  ids: readonly string[],
): Promise<Map<string, Tag[]>> {
  const rows = await inPieces(ids, (piece) =>
    at
      .selectFrom(table)
      .select(['logged_model_id', 'key', 'value'])
      .where(isIn(at, sql.ref('logged_model_id'), piece))
      .orderBy('key')
      .execute(),
  )
  return groupBy(
    rows,
    (row) => row.logged_model_id,
    ({ key, value }) => ({ key, value }),
  )
}

async function listLoggedModelMetrics(at: Queryable, ids: readonly string[]) {
  const rows = await inPieces(ids, (piece) =>
    at
      .selectFrom('logged_model_metric')
      .selectAll()
      .where(isIn(at, sql.ref('logged_model_id'), piece))
      .orderBy('key')
      .orderBy('step')
      .orderBy('timestamp_ms')
      .execute(),
  )
  return groupBy(
    rows,
    (row) => row.logged_model_id,
    (row) => ({
      ...toMetric(row),
      runId: row.run_id,
      ...(row.dataset_name !== '' && { datasetName: row.dataset_name, datasetDigest: row.dataset_digest }),
    }),
  )
}
