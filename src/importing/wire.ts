import type { DatasetUse, LoggedModel, Metric, ModelUse, Tag } from '../tracking/schema.ts'
import type { Json } from './mlflow-client.ts'
import type { SourceExperiment, SourceModel, SourceRun, SourceVersion } from './schema.ts'
import { lifecycleOf, metricValue, runStatus } from './source-values.ts'

const STATUSES = {
  LOGGED_MODEL_PENDING: 'PENDING',
  LOGGED_MODEL_READY: 'READY',
  LOGGED_MODEL_UPLOAD_FAILED: 'UPLOAD_FAILED',
} as const

export function text(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** 64-bit integers may come as text. */
export function number(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && value !== '' ? Number(value) : 0
}

export function objects(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : []
}

function tagsOf(value: unknown): Tag[] {
  return objects(value).map((tag) => ({ key: text(tag['key']), value: text(tag['value']) }))
}

export function metricOf(metric: Json): Metric {
  return {
    key: text(metric['key']),
    value: metricValue(number(metric['value'])),
    timestampMs: number(metric['timestamp']),
    step: number(metric['step']),
  }
}

export function toExperiment(experiment: Json): SourceExperiment {
  return {
    id: text(experiment['experiment_id']),
    name: text(experiment['name']),
    artifactLocation: text(experiment['artifact_location']),
    lifecycle: lifecycleOf(experiment['lifecycle_stage']),
    tags: tagsOf(experiment['tags']),
    createdMs: number(experiment['creation_time']),
    updatedMs: number(experiment['last_update_time']),
  }
}

export function toRun(run: Json): SourceRun {
  const info = (run['info'] ?? {}) as Json
  const data = (run['data'] ?? {}) as Json
  const inputs = (run['inputs'] ?? {}) as Json
  const outputs = (run['outputs'] ?? {}) as Json
  return {
    id: text(info['run_id']),
    experimentId: text(info['experiment_id']),
    name: text(info['run_name']),
    userId: text(info['user_id']),
    status: runStatus(info['status']),
    startMs: number(info['start_time']),
    ...(info['end_time'] !== undefined && { endMs: number(info['end_time']) }),
    artifactUri: text(info['artifact_uri']),
    lifecycle: lifecycleOf(info['lifecycle_stage']),
    params: tagsOf(data['params']),
    tags: tagsOf(data['tags']),
    metrics: objects(data['metrics']).map(metricOf),
    datasets: objects(inputs['dataset_inputs']).map(datasetUse),
    models: [
      ...objects(inputs['model_inputs']).map((use) => modelUse(use, 'input')),
      ...objects(outputs['model_outputs']).map((use) => modelUse(use, 'output')),
    ],
  }
}

function datasetUse(use: Json): DatasetUse {
  const dataset = (use['dataset'] ?? {}) as Json
  return {
    name: text(dataset['name']),
    digest: text(dataset['digest']),
    sourceType: text(dataset['source_type']),
    source: text(dataset['source']),
    ...(dataset['schema'] !== undefined && { schema: text(dataset['schema']) }),
    ...(dataset['profile'] !== undefined && { profile: text(dataset['profile']) }),
    tags: tagsOf(use['tags']),
  }
}

function modelUse(use: Json, direction: ModelUse['direction']): ModelUse {
  return { direction, loggedModelId: text(use['model_id']), step: number(use['step']) }
}

export function toLoggedModel(model: Json): LoggedModel {
  const info = (model['info'] ?? {}) as Json
  const data = (model['data'] ?? {}) as Json
  const status = text(info['status']) as keyof typeof STATUSES
  return {
    id: text(info['model_id']),
    experimentId: text(info['experiment_id']),
    name: text(info['name']),
    ...(info['model_type'] ? { modelType: text(info['model_type']) } : {}),
    ...(info['source_run_id'] ? { sourceRunId: text(info['source_run_id']) } : {}),
    status: STATUSES[status] ?? 'READY',
    artifactUri: text(info['artifact_uri']),
    lifecycle: 'active',
    params: tagsOf(data['params']),
    tags: tagsOf(info['tags']),
    metrics: objects(data['metrics']).map((metric) => ({
      ...metricOf(metric),
      runId: text(metric['run_id']),
      ...(metric['dataset_name'] !== undefined && {
        datasetName: text(metric['dataset_name']),
        datasetDigest: text(metric['dataset_digest']),
      }),
    })),
    createdMs: number(info['creation_timestamp_ms']),
    updatedMs: number(info['last_updated_timestamp_ms']),
  }
}

export function toModel(model: Json): SourceModel {
  return {
    name: text(model['name']),
    description: text(model['description']),
    tags: tagsOf(model['tags']),
    aliases: objects(model['aliases']).map((alias) => ({
      alias: text(alias['alias']),
      version: number(alias['version']),
    })),
    createdMs: number(model['creation_timestamp']),
    updatedMs: number(model['last_updated_timestamp']),
  }
}

export function toVersion(version: Json): SourceVersion {
  return {
    version: number(version['version']),
    stage: text(version['current_stage']),
    description: text(version['description']),
    source: text(version['source']),
    runId: text(version['run_id']) || undefined,
    runLink: text(version['run_link']) || undefined,
    userId: text(version['user_id']),
    tags: tagsOf(version['tags']),
    createdMs: number(version['creation_timestamp']),
    updatedMs: number(version['last_updated_timestamp']),
  }
}
