import type { LoggedModel } from '../tracking/schema.ts'
import type { SourceModel, SourceVersion } from './schema.ts'
import { lifecycleOf, metricValue } from './source-values.ts'
import { all, groupTags, marks, ofWorkspace, type Reading, type Row } from './store-mlflow.ts'

const AT_ONCE = 200
/** What MLflow leaves of a deleted version: its number. */
const DELETED_STAGE = 'Deleted_Internal'
const STATUSES = ['PENDING', 'PENDING', 'READY', 'UPLOAD_FAILED'] as const

export function* listLoggedModels(
  reading: Reading,
  experimentIds: ReadonlySet<string>,
): Generator<LoggedModel[], void, undefined> {
  const { database, schema, includeDeleted } = reading
  if (!schema.loggedModels) return
  let after = ''
  for (;;) {
    const rows = all(
      database,
      `SELECT *, cast(experiment_id AS text) AS experiment FROM logged_models WHERE model_id > ? ORDER BY model_id LIMIT ?`,
      after,
      AT_ONCE,
    )
    const wanted = rows.filter(
      (row) =>
        experimentIds.has(String(row['experiment'])) &&
        (includeDeleted || row['lifecycle_stage'] !== 'deleted'),
    )
    if (wanted.length > 0) yield withValues(reading, wanted)
    if (rows.length < AT_ONCE) return
    after = String(rows.at(-1)!['model_id'])
  }
}

function withValues({ database }: Reading, rows: readonly Row[]): LoggedModel[] {
  const ids = rows.map((row) => String(row['model_id']))
  const of = (columns: string, table: string): Row[] =>
    all(
      database,
      `SELECT model_id AS owner, ${columns} FROM ${table} WHERE model_id IN (${marks(ids)})`,
      ...ids,
    )
  const params = groupTags(of('param_key AS key, param_value AS value', 'logged_model_params'))
  const tags = groupTags(of('tag_key AS key, tag_value AS value', 'logged_model_tags'))
  const metrics = Map.groupBy(of('*', 'logged_model_metrics'), (row) => String(row['owner']))
  return rows.map((row, index) => {
    const id = ids[index]!
    return {
      ...toLoggedModel(row, id),
      params: params.get(id) ?? [],
      tags: tags.get(id) ?? [],
      metrics: (metrics.get(id) ?? []).map(toModelMetric),
    }
  })
}

function toLoggedModel(row: Row, id: string) {
  return {
    id,
    experimentId: String(row['experiment']),
    name: String(row['name']),
    ...(row['model_type'] && { modelType: String(row['model_type']) }),
    ...(row['source_run_id'] && { sourceRunId: String(row['source_run_id']) }),
    status: STATUSES[Number(row['status'])] ?? 'READY',
    artifactUri: String(row['artifact_location']),
    lifecycle: lifecycleOf(row['lifecycle_stage']),
    createdMs: Number(row['creation_timestamp_ms']),
    updatedMs: Number(row['last_updated_timestamp_ms']),
  }
}

function toModelMetric(row: Row): LoggedModel['metrics'][number] {
  const dataset = row['dataset_name']
    ? { datasetName: String(row['dataset_name']), datasetDigest: String(row['dataset_digest']) }
    : {}
  const value = row['metric_value'] === null ? Number.NaN : metricValue(Number(row['metric_value']))
  return {
    key: String(row['metric_name']),
    value,
    timestampMs: Number(row['metric_timestamp_ms']),
    step: Number(row['metric_step']),
    runId: String(row['run_id']),
    ...dataset,
  }
}

export function* listModels(reading: Reading): Generator<SourceModel[], void, undefined> {
  const { database, schema } = reading
  const scope = ofWorkspace(reading)
  let after = ''
  for (;;) {
    const rows = all(
      database,
      `SELECT name, description, creation_time, last_updated_time FROM registered_models WHERE name > ?${scope.sql} ORDER BY name LIMIT ?`,
      after,
      ...scope.values,
      AT_ONCE,
    )
    const names = rows.map((row) => String(row['name']))
    const of = (columns: string, table: string): Row[] =>
      all(
        database,
        `SELECT name AS owner, ${columns} FROM ${table} WHERE name IN (${marks(names)})${scope.sql}`,
        ...names,
        ...scope.values,
      )
    const tags = groupTags(of('key, value', 'registered_model_tags'))
    const aliases = Map.groupBy(
      schema.aliases ? of('alias, version', 'registered_model_aliases') : [],
      (row) => String(row['owner']),
    )
    yield rows.map((row) => {
      const name = String(row['name'])
      return {
        name,
        description: String(row['description'] ?? ''),
        tags: tags.get(name) ?? [],
        aliases: (aliases.get(name) ?? []).map((alias) => ({
          alias: String(alias['alias']),
          version: Number(alias['version']),
        })),
        createdMs: Number(row['creation_time'] ?? 0),
        updatedMs: Number(row['last_updated_time'] ?? row['creation_time'] ?? 0),
      }
    })
    if (rows.length < AT_ONCE) return
    after = names.at(-1)!
  }
}

export function listVersions(reading: Reading, model: string) {
  const { database, schema } = reading
  const scope = ofWorkspace(reading)
  const values = [model, ...scope.values]
  const rows = all(
    database,
    `SELECT * FROM model_versions WHERE name = ?${scope.sql} ORDER BY version`,
    ...values,
  )
  const tags = groupTags(
    all(
      database,
      `SELECT cast(version AS text) AS owner, key, value FROM model_version_tags WHERE name = ?${scope.sql} ORDER BY key`,
      ...values,
    ),
  )
  const kept = rows.filter((row) => row['current_stage'] !== DELETED_STAGE)
  return {
    versions: kept.map((row) => toVersion(row, schema.storageLocations, tags)),
    deleted: rows.length - kept.length,
    lastVersion: Number(rows.at(-1)?.['version'] ?? 0),
  }
}

function toVersion(row: Row, storageLocations: boolean, tags: ReturnType<typeof groupTags>): SourceVersion {
  const text = (name: string): string | undefined => (row[name] ? String(row[name]) : undefined)
  return {
    version: Number(row['version']),
    stage: text('current_stage') ?? 'None',
    description: text('description') ?? '',
    source: text('source') ?? '',
    storageLocation: storageLocations ? text('storage_location') : undefined,
    runId: text('run_id'),
    runLink: text('run_link'),
    userId: text('user_id') ?? '',
    tags: tags.get(String(row['version'])) ?? [],
    createdMs: Number(row['creation_time'] ?? 0),
    updatedMs: Number(row['last_updated_time'] ?? row['creation_time'] ?? 0),
  }
}
