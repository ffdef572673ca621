import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isIn } from '../ports/db/dialect.ts'
import {
  TAGS,
  type DatasetUse,
  type LoggedModel,
  type MetricPoint,
  type ModelUse,
  type Tag,
} from './schema.ts'
import { groupBy, lastOfEachKey } from './store.ts'
import { storedValue } from './store-metrics.ts'
import { inPieces } from '../ports/db/pieces.ts'
import { toMetric } from './store-values.ts'
import type { LoggedModelMetricRow, LoggedModelRow } from './tables.ts'

/** Datasets are one for each (experiment, name, digest); a run uses one at most once, and keeps the tags of its first use. */
export async function insertDatasetUse(
  trx: Trx,
  use: {
    id: string
    projectId: string
    experimentId: string
    runId: string
    nowMs: number
    dataset: DatasetUse
  },
): Promise<void> {
  const { dataset, projectId, experimentId, nowMs } = use
  await trx
    .insertInto('run_dataset')
    .values({
      id: use.id,
      project_id: projectId,
      experiment_id: experimentId,
      name: dataset.name,
      digest: dataset.digest,
      source_type: dataset.sourceType,
      source: dataset.source,
      schema: dataset.schema ?? null,
      profile: dataset.profile ?? null,
      created_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['experiment_id', 'name', 'digest']).doNothing())
    .execute()
  const { id } = await trx
    .selectFrom('run_dataset')
    .select('id')
    .where('experiment_id', '=', experimentId)
    .where('name', '=', dataset.name)
    .where('digest', '=', dataset.digest)
    .executeTakeFirstOrThrow()
  await trx
    .insertInto('run_input')
    .values({
      run_id: use.runId,
      dataset_id: id,
      project_id: projectId,
      context: dataset.tags.find((tag) => tag.key === TAGS.datasetContext)?.value ?? null,
      tags_json: JSON.stringify(dataset.tags),
      created_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['run_id', 'dataset_id']).doNothing())
    .execute()
}

export async function listDatasetUses(
  at: Queryable,
  runIds: readonly string[],
): Promise<Map<string, DatasetUse[]>> {
  const rows = await inPieces(runIds, (ids) =>
    at
      .selectFrom('run_input as i')
      .innerJoin('run_dataset as d', 'd.id', 'i.dataset_id')
      .select([
        'i.run_id',
        'i.tags_json',
        'd.name',
        'd.digest',
        'd.source_type',
        'd.source',
        'd.schema',
        'd.profile',
      ])
      .where(isIn(at, sql.ref('i.run_id'), ids))
      .orderBy('i.created_ms')
      .orderBy('d.name')
      .execute(),
  )
  return groupBy(
    rows,
    (row) => row.run_id,
    (row) => ({
      name: row.name,
      digest: row.digest,
      sourceType: row.source_type,
      source: row.source,
      ...(row.schema !== null && { schema: row.schema }),
      ...(row.profile !== null && { profile: row.profile }),
      tags: JSON.parse(row.tags_json) as Tag[],
    }),
  )
}

/** The distinct datasets that runs of these experiments used, with the context of use. */
export async function listDatasetSummaries(
  at: Queryable,
  projectId: string,
  experimentIds: readonly string[],
) {
  if (experimentIds.length === 0) return []
  return await at
    .selectFrom('run_dataset as d')
    .leftJoin('run_input as i', 'i.dataset_id', 'd.id')
    .select(['d.experiment_id', 'd.name', 'd.digest', 'i.context'])
    .distinct()
    .where('d.project_id', '=', projectId)
    .where('d.experiment_id', 'in', experimentIds)
    .orderBy('d.name')
    .orderBy('d.digest')
    .limit(1000)
    .execute()
}

export async function insertModelUses(
  trx: Trx,
  owner: { runId: string; projectId: string; nowMs: number },
  uses: readonly ModelUse[],
): Promise<void> {
  if (uses.length === 0) return
  await trx
    .insertInto('run_model')
    .values(
      uses.map((use) => ({
        run_id: owner.runId,
        direction: use.direction,
        logged_model_id: use.loggedModelId,
        project_id: owner.projectId,
        step: use.step,
        created_ms: owner.nowMs,
      })),
    )
    .onConflict((conflict) => conflict.columns(['run_id', 'direction', 'logged_model_id']).doNothing())
    .execute()
}

export async function listModelUses(
  at: Queryable,
  runIds: readonly string[],
): Promise<Map<string, ModelUse[]>> {
  const rows = await inPieces(runIds, (ids) =>
    at
      .selectFrom('run_model')
      .select(['run_id', 'direction', 'logged_model_id', 'step'])
      .where(isIn(at, sql.ref('run_id'), ids))
      .orderBy('created_ms')
      .orderBy('logged_model_id')
      .execute(),
  )
  return groupBy(
    rows,
    (row) => row.run_id,
    (row) => ({ direction: row.direction, loggedModelId: row.logged_model_id, step: row.step }),
  )
}

export async function insertLoggedModel(trx: Trx, row: LoggedModelRow): Promise<void> {
  await trx.insertInto('logged_model').values(row).execute()
}

export async function updateLoggedModel(
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
