import {
  createModel,
  deleteAlias,
  findVersionByAlias,
  getModel,
  listLatestVersions,
  searchModels,
  setAlias,
  tagModel,
  updateModel,
} from '../../registry/registry.ts'
import { renameModel, withdrawModel } from '../../rollout/rollout.ts'
import type { ModelVersion, RegisteredModel } from '../../registry/schema.ts'
import { invalid } from './errors.ts'
import { modelName, registryTag, stageOf, tagKey, versionNumber, versionToWire } from './model-versions.ts'
import { parseOrderBy, parseRegistryFilter } from './search-filter.ts'
import { REGISTERED_MODELS } from './search-vocabulary.ts'
import { endpoint, pageSize, unlessEmpty, type Call } from './wire.ts'

export const endpoints = [
  endpoint('POST', '/mlflow/registered-models/create', async (call) => {
    const { context, caller, fields } = call
    const model = await createModel(context, {
      ...caller,
      name: fields.required('name'),
      description: fields.text('description'),
      tags: fields.objects('tags').map(registryTag),
    })
    return { registered_model: modelToWire(model, []) }
  }),
  endpoint('POST', '/mlflow/registered-models/rename', async (call) => {
    const { context, caller, fields } = call
    const model = await renameModel(context, {
      ...caller,
      name: modelName(fields),
      newName: fields.required('new_name'),
    })
    return { registered_model: await withVersions(call, model) }
  }),
  endpoint('PATCH', '/mlflow/registered-models/update', async (call) => {
    const { context, caller, fields } = call
    const description = fields.text('description')
    const model = await updateModel(context, {
      ...caller,
      name: modelName(fields),
      ...(description !== undefined && { description }),
    })
    return { registered_model: await withVersions(call, model) }
  }),
  endpoint('DELETE', '/mlflow/registered-models/delete', async ({ context, caller, fields }) => {
    await withdrawModel(context, { ...caller, name: modelName(fields) })
    return {}
  }),
  endpoint('GET', '/mlflow/registered-models/get', async (call) => {
    const model = await getModel(call.context, { ...call.caller, name: modelName(call.fields) })
    return { registered_model: await withVersions(call, model) }
  }),
  // MLflow's own server knows no POST here, which its R client sends.
  endpoint(['GET', 'POST'], '/mlflow/registered-models/search', async (call) => {
    const { context, caller, fields } = call
    const { models, nextPageToken } = await searchModels(context, {
      ...caller,
      filter: parseRegistryFilter(fields.text('filter'), REGISTERED_MODELS),
      orderBy: parseOrderBy(fields.texts('order_by'), REGISTERED_MODELS),
      limit: pageSize(fields, { default: 100, max: 1000 }),
      pageToken: fields.text('page_token'),
    })
    const latest = await listLatestVersions(context, { ...caller, models })
    return {
      ...unlessEmpty(
        'registered_models',
        models.map((model) => modelToWire(model, latest.get(model.name) ?? [])),
      ),
      ...(nextPageToken && { next_page_token: nextPageToken }),
    }
  }),
  endpoint(['GET', 'POST'], '/mlflow/registered-models/get-latest-versions', async (call) => {
    const { context, caller, fields } = call
    const model = await getModel(context, { ...caller, name: modelName(fields) })
    const wanted = fields.texts('stages').map(stageOf)
    const latest = (await latestOf(call, model)).filter(
      ({ stage }) => wanted.length === 0 || wanted.includes(stage),
    )
    return { ...unlessEmpty('model_versions', latest.map(versionToWire)) }
  }),
  endpoint('POST', '/mlflow/registered-models/set-tag', async ({ context, caller, fields }) => {
    await tagModel(context, { ...caller, name: modelName(fields), tag: registryTag(fields) })
    return {}
  }),
  endpoint('DELETE', '/mlflow/registered-models/delete-tag', async ({ context, caller, fields }) => {
    await tagModel(context, {
      ...caller,
      name: modelName(fields),
      tag: { key: tagKey(fields) },
    })
    return {}
  }),
  endpoint('POST', '/mlflow/registered-models/alias', async ({ context, caller, fields }) => {
    const [model, alias] = [modelName(fields), fields.required('alias')]
    await setAlias(context, { ...caller, model, alias, version: versionNumber(fields), source: 'mlflow' })
    return {}
  }),
  endpoint('DELETE', '/mlflow/registered-models/alias', async ({ context, caller, fields }) => {
    await deleteAlias(context, { ...caller, model: modelName(fields), alias: fields.required('alias') })
    return {}
  }),
  endpoint('GET', '/mlflow/registered-models/alias', async ({ context, caller, fields }) => {
    const [model, alias] = [modelName(fields), fields.required('alias')]
    const version = await findVersionByAlias(context, { ...caller, model, alias })
    // MLflow answers 400 here, not 404.
    if (!version) throw invalid(`Registered model alias ${alias} not found.`)
    return { model_version: versionToWire(version) }
  }),
]

async function withVersions(call: Call, model: RegisteredModel) {
  return modelToWire(model, await latestOf(call, model))
}

async function latestOf({ context, caller }: Call, model: RegisteredModel): Promise<ModelVersion[]> {
  const latest = await listLatestVersions(context, { ...caller, models: [model] })
  return latest.get(model.name) ?? []
}

function modelToWire(model: RegisteredModel, latest: readonly ModelVersion[]) {
  return {
    name: model.name,
    creation_timestamp: model.createdMs,
    last_updated_timestamp: model.updatedMs,
    ...(model.description !== '' && { description: model.description }),
    ...unlessEmpty('latest_versions', latest.map(versionToWire)),
    ...unlessEmpty('tags', model.tags),
    ...unlessEmpty(
      'aliases',
      model.aliases.map(({ alias, version }) => ({ alias, version: String(version) })),
    ),
  }
}
