import {
  getModelVersion,
  registerFromSource,
  requireModelName,
  searchModelVersions,
  tagModelVersion,
  updateModelVersion,
} from '../../registry/registry.ts'
import { withdrawVersion } from '../../rollout/rollout.ts'
import { stages, type ModelVersion, type Stage } from '../../registry/schema.ts'
import { requireKey } from '../../tracking/tracking.ts'
import { invalid } from './errors.ts'
import { parseOrderBy, parseRegistryFilter } from './search-filter.ts'
import { MODEL_VERSIONS } from './search-vocabulary.ts'
import { endpoint, pageSize, unlessEmpty, type Fields } from './wire.ts'

const MAX_TAG_LENGTH = 100_000

export const endpoints = [
  endpoint('POST', '/mlflow/model-versions/create', async ({ context, caller, fields }) => {
    const version = await registerFromSource(context, {
      ...caller,
      model: modelName(fields),
      source: fields.required('source'),
      runId: fields.text('run_id') || undefined,
      runLink: fields.text('run_link') || undefined,
      loggedModelId: fields.text('model_id') || undefined,
      description: fields.text('description'),
      tags: fields.objects('tags').map(registryTag),
    })
    return { model_version: versionToWire(version) }
  }),
  endpoint('PATCH', '/mlflow/model-versions/update', async ({ context, caller, fields }) => {
    const description = fields.text('description')
    const change = description === undefined ? {} : { description }
    return {
      model_version: versionToWire(
        await updateModelVersion(context, { ...caller, ...versionOf(fields), ...change }),
      ),
    }
  }),
  endpoint('POST', '/mlflow/model-versions/transition-stage', async ({ context, caller, fields }) => {
    const stage = stageOf(fields.required('stage'))
    const archiveOthers = fields.boolean('archive_existing_versions')
    if (archiveOthers && stage !== 'Staging' && stage !== 'Production')
      throw invalid(
        `Model version transition cannot archive existing model versions because '${stage}' is not an Active stage. Valid stages are ['Staging', 'Production']`,
      )
    const version = await updateModelVersion(context, {
      ...caller,
      ...versionOf(fields),
      stage,
      archiveOthers,
    })
    return { model_version: versionToWire(version) }
  }),
  endpoint('DELETE', '/mlflow/model-versions/delete', async ({ context, caller, fields }) => {
    await withdrawVersion(context, { ...caller, ...versionOf(fields) })
    return {}
  }),
  endpoint('GET', '/mlflow/model-versions/get', async ({ context, caller, fields }) => ({
    model_version: versionToWire(await getModelVersion(context, { ...caller, ...versionOf(fields) })),
  })),
  endpoint('GET', '/mlflow/model-versions/search', async ({ context, caller, fields }) => {
    const { versions, nextPageToken } = await searchModelVersions(context, {
      ...caller,
      filter: parseRegistryFilter(fields.text('filter'), MODEL_VERSIONS),
      orderBy: parseOrderBy(fields.texts('order_by'), MODEL_VERSIONS),
      limit: pageSize(fields, { default: 10_000, max: 200_000 }),
      pageToken: fields.text('page_token'),
    })
    return {
      ...unlessEmpty('model_versions', versions.map(versionToWire)),
      ...(nextPageToken && { next_page_token: nextPageToken }),
    }
  }),
  endpoint('GET', '/mlflow/model-versions/get-download-uri', async ({ context, caller, fields }) => {
    const version = await getModelVersion(context, { ...caller, ...versionOf(fields) })
    return { artifact_uri: version.storageLocation ?? version.source }
  }),
  endpoint('POST', '/mlflow/model-versions/set-tag', async ({ context, caller, fields }) => {
    await tagModelVersion(context, { ...caller, ...versionOf(fields), tag: registryTag(fields) })
    return {}
  }),
  endpoint('DELETE', '/mlflow/model-versions/delete-tag', async ({ context, caller, fields }) => {
    await tagModelVersion(context, { ...caller, ...versionOf(fields), tag: { key: tagKey(fields) } })
    return {}
  }),
]

export function versionOf(fields: Fields): { model: string; version: number } {
  return { model: modelName(fields), version: versionNumber(fields) }
}

/** A name that no model can have is told from one that is unknown. */
export function modelName(fields: Fields): string {
  const name = fields.required('name')
  requireModelName(name)
  return name
}

/** Versions are numbers, and strings on the wire. */
export function versionNumber(fields: Fields): number {
  const version = fields.integer('version')
  if (version !== undefined) return version
  throw invalid(`Parameter 'version' must be an integer, got '${fields.text('version') ?? ''}'.`)
}

/** Of a model or of a version. */
export function registryTag(tag: Fields) {
  const value = tag.text('value') ?? ''
  if (value.length > MAX_TAG_LENGTH)
    throw invalid(`Tag value exceeds the maximum length of ${MAX_TAG_LENGTH} characters`)
  return { key: tagKey(tag), value }
}

export function tagKey(fields: Fields): string {
  const key = fields.required('key')
  requireKey(key, 'tag')
  return key
}

export function stageOf(text: string): Stage {
  const stage = stages.find((candidate) => candidate.toLowerCase() === text.toLowerCase())
  if (stage) return stage
  throw invalid(`Invalid Model Version stage: ${text}. Value must be one of ${stages.join(', ')}.`)
}

/** `status` must be said: clients poll for minutes when it is not READY. */
export function versionToWire(version: ModelVersion) {
  return {
    name: version.model,
    version: String(version.version),
    creation_timestamp: version.createdMs,
    last_updated_timestamp: version.updatedMs,
    user_id: version.createdBy,
    current_stage: version.stage,
    description: version.description,
    source: version.source,
    run_id: version.runId ?? '',
    status: 'READY',
    ...unlessEmpty('tags', version.tags),
    run_link: version.runLink ?? '',
    ...unlessEmpty('aliases', version.aliases),
    ...(version.loggedModelId !== undefined && { model_id: version.loggedModelId }),
  }
}
