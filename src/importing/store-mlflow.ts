import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { DatasetUse, ModelUse, Tag } from '../tracking/schema.ts'
import type { MlflowSchema } from './mlflow-schema.ts'
import type { PointsPage, SourceExperiment, SourceRun } from './schema.ts'
import { lifecycleOf, metricValue, runStatus } from './source-values.ts'

const RUNS_AT_ONCE = 200
const POINTS_AT_ONCE = 20_000

export type Row = Record<string, string | number | null>

/** What is read of the database, and how. */
export interface Reading {
  database: DatabaseSync
  schema: MlflowSchema
  includeDeleted: boolean
  workspace: string
}

export function all(database: DatabaseSync, sql: string, ...values: SQLInputValue[]): Row[] {
  return database.prepare(sql).all(...values) as Row[]
}

/** `?, ?, ?` */
export function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(',')
}

export function ofWorkspace({ schema, workspace }: Reading): { sql: string; values: string[] } {
  return schema.workspaces ? { sql: ' AND workspace = ?', values: [workspace] } : { sql: '', values: [] }
}

export function countRuns({ database }: Reading): { active: number; deleted: number; points: number } {
  const [runs] = all(
    database,
    `SELECT sum(lifecycle_stage = 'active') AS active, sum(lifecycle_stage = 'deleted') AS deleted FROM runs`,
  )
  const [metrics] = all(database, 'SELECT count(*) AS points FROM metrics')
  return {
    active: Number(runs?.['active'] ?? 0),
    deleted: Number(runs?.['deleted'] ?? 0),
    points: Number(metrics?.['points']),
  }
}

export function listExperiments(reading: Reading): SourceExperiment[] {
  const { database, includeDeleted } = reading
  const scope = ofWorkspace(reading)
  const rows = all(
    database,
    `SELECT cast(experiment_id AS text) AS id, name, artifact_location, lifecycle_stage, creation_time, last_update_time FROM experiments
     WHERE (? OR lifecycle_stage = 'active')${scope.sql} ORDER BY experiment_id`,
    includeDeleted ? 1 : 0,
    ...scope.values,
  )
  const tags = groupTags(
    all(
      database,
      'SELECT cast(experiment_id AS text) AS owner, key, value FROM experiment_tags ORDER BY key',
    ),
  )
  return rows.map((row) => ({
    id: String(row['id']),
    name: String(row['name']),
    artifactLocation: String(row['artifact_location'] ?? ''),
    lifecycle: lifecycleOf(row['lifecycle_stage']),
    tags: tags.get(String(row['id'])) ?? [],
    createdMs: Number(row['creation_time'] ?? 0),
    updatedMs: Number(row['last_update_time'] ?? row['creation_time'] ?? 0),
  }))
}

/** Runs by id, of these experiments; a page is read at once, so that no writer waits for the reader. */
export function* listRuns(
  reading: Reading,
  experimentIds: ReadonlySet<string>,
): Generator<SourceRun[], void, undefined> {
  const { database, includeDeleted } = reading
  let after = ''
  for (;;) {
    const rows = all(
      database,
      `SELECT run_uuid, name, user_id, status, start_time, end_time, deleted_time, lifecycle_stage, artifact_uri,
         cast(experiment_id AS text) AS experiment_id
       FROM runs WHERE run_uuid > ? ORDER BY run_uuid LIMIT ?`,
      after,
      RUNS_AT_ONCE,
    )
    const wanted = rows.filter(
      (row) =>
        experimentIds.has(String(row['experiment_id'])) &&
        (includeDeleted || row['lifecycle_stage'] === 'active'),
    )
    if (wanted.length > 0) yield withValues(reading, wanted)
    if (rows.length < RUNS_AT_ONCE) return
    after = String(rows.at(-1)!['run_uuid'])
  }
}

function withValues(reading: Reading, rows: readonly Row[]): SourceRun[] {
  const { database } = reading
  const ids = rows.map((row) => String(row['run_uuid']))
  const of = (columns: string, table: string): Row[] =>
    all(
      database,
      `SELECT run_uuid AS owner, ${columns} FROM ${table} WHERE run_uuid IN (${marks(ids)}) ORDER BY key`,
      ...ids,
    )
  const params = groupTags(of('key, value', 'params'))
  const tags = groupTags(of('key, value', 'tags'))
  const latest = Map.groupBy(of('key, value, timestamp, step, is_nan', 'latest_metrics'), (row) =>
    String(row['owner']),
  )
  const counted = all(
    database,
    `SELECT run_uuid AS owner, count(*) AS points FROM metrics WHERE run_uuid IN (${marks(ids)}) GROUP BY run_uuid`,
    ...ids,
  )
  const points = new Map(counted.map((row) => [String(row['owner']), Number(row['points'])]))
  const datasets = listDatasets(reading, ids)
  const models = listModelUses(reading, ids)
  return rows.map((row, index) => {
    const id = ids[index]!
    return {
      ...toRun(row, tags.get(id) ?? []),
      params: params.get(id) ?? [],
      metrics: (latest.get(id) ?? []).map(toMetric),
      points: points.get(id) ?? 0,
      datasets: datasets.get(id) ?? [],
      models: models.get(id) ?? [],
    }
  })
}

function toRun(row: Row, tags: Tag[]) {
  const number = (name: string): number | undefined => (row[name] === null ? undefined : Number(row[name]))
  return {
    id: String(row['run_uuid']),
    experimentId: String(row['experiment_id']),
    name: String(row['name'] || tags.find(({ key }) => key === 'mlflow.runName')?.value || ''),
    userId: String(row['user_id'] ?? ''),
    status: runStatus(row['status']),
    startMs: number('start_time') ?? 0,
    endMs: number('end_time'),
    deletedMs: number('deleted_time'),
    lifecycle: lifecycleOf(row['lifecycle_stage']),
    artifactUri: String(row['artifact_uri'] ?? ''),
    tags,
  }
}

function toMetric(row: Row) {
  return {
    key: String(row['key']),
    value: metricValue(Number(row['value']), row['is_nan'] === 1),
    timestampMs: Number(row['timestamp']),
    step: Number(row['step']),
  }
}

/** By the order of insertion: the index over the run holds it, so that a page costs no sort. */
export function* listPoints(
  { database }: Reading,
  { id }: SourceRun,
  position = '0',
): Generator<PointsPage, void, undefined> {
  let after = Number(position)
  for (;;) {
    const rows = all(
      database,
      `SELECT rowid AS at, key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND rowid > ? ORDER BY rowid LIMIT ?`,
      id,
      after,
      POINTS_AT_ONCE,
    )
    const last = rows.at(-1)
    if (last) after = Number(last['at'])
    if (rows.length > 0) yield { points: rows.map(toMetric), position: String(after) }
    if (rows.length < POINTS_AT_ONCE) return
  }
}

function listDatasets({ database, schema }: Reading, ids: readonly string[]): Map<string, DatasetUse[]> {
  if (!schema.datasets) return new Map()
  const rows = all(
    database,
    `SELECT i.destination_id AS run, i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, d.dataset_profile
     FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
     WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id IN (${marks(ids)})`,
    ...ids,
  )
  const inputs = rows.map((row) => String(row['input_uuid']))
  const tags = groupTags(
    all(
      database,
      `SELECT input_uuid AS owner, name AS key, value FROM input_tags WHERE input_uuid IN (${marks(inputs)}) ORDER BY name`,
      ...inputs,
    ),
  )
  const uses = rows.map((row) => ({
    run: String(row['run']),
    use: {
      name: String(row['name']),
      digest: String(row['digest']),
      sourceType: String(row['dataset_source_type']),
      source: String(row['dataset_source']),
      ...(row['dataset_schema'] !== null && { schema: String(row['dataset_schema']) }),
      ...(row['dataset_profile'] !== null && { profile: String(row['dataset_profile']) }),
      tags: tags.get(String(row['input_uuid'])) ?? [],
    },
  }))
  const groups = Map.groupBy(uses, ({ run }) => run)
  return new Map([...groups].map(([run, group]) => [run, group.map(({ use }) => use)]))
}

function listModelUses({ database, schema }: Reading, ids: readonly string[]): Map<string, ModelUse[]> {
  if (!schema.loggedModels) return new Map()
  const rows = all(
    database,
    `SELECT source_id AS run, source_type, destination_id, ${schema.inputSteps ? 'step' : '0 AS step'} FROM inputs
     WHERE source_type IN ('RUN_INPUT', 'RUN_OUTPUT') AND source_id IN (${marks(ids)})`,
    ...ids,
  )
  const groups = Map.groupBy(rows, (row) => String(row['run']))
  return new Map(
    [...groups].map(([run, uses]) => [
      run,
      uses.map((use) => ({
        direction: use['source_type'] === 'RUN_INPUT' ? ('input' as const) : ('output' as const),
        loggedModelId: String(use['destination_id']),
        step: Number(use['step']),
      })),
    ]),
  )
}

export function groupTags(rows: readonly Row[]): Map<string, Tag[]> {
  const groups = Map.groupBy(rows, (row) => String(row['owner']))
  return new Map(
    [...groups].map(([owner, tags]) => [
      owner,
      tags.map((tag) => ({ key: String(tag['key']), value: String(tag['value'] ?? '') })),
    ]),
  )
}
