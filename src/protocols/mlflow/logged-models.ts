import type { DatasetReference, Filter, OrderTerm } from '../../search/search.ts'
import {
  createLoggedModel,
  folderOf,
  getLoggedModel,
  listArtifacts,
  searchLoggedModels,
  updateLoggedModel,
} from '../../tracking/tracking.ts'
import type { LoggedModel, Tag } from '../../tracking/schema.ts'
import { invalid } from './errors.ts'
import { metricToWire } from './runs.ts'
import { parseOrderBy, parseSearchFilter } from './search-filter.ts'
import { LOGGED_MODELS } from './search-vocabulary.ts'
import { entryToWire } from './artifacts.ts'
import {
  endpoint,
  experimentId,
  experimentIds,
  missing,
  pageSize,
  unlessEmpty,
  type Call,
  type Fields,
} from './wire.ts'

const STATUSES = { LOGGED_MODEL_PENDING: 1, LOGGED_MODEL_READY: 2, LOGGED_MODEL_UPLOAD_FAILED: 3 } as const
const MAX_VALUE_LENGTH = 100_000
const DOMAIN_STATUS = {
  LOGGED_MODEL_PENDING: 'PENDING',
  LOGGED_MODEL_READY: 'READY',
  LOGGED_MODEL_UPLOAD_FAILED: 'UPLOAD_FAILED',
} as const

export const endpoints = [
  endpoint('POST', '/mlflow/logged-models', async ({ context, caller, fields }) => {
    const model = await createLoggedModel(context, {
      ...caller,
      experimentId: experimentId(fields),
      name: fields.text('name') || undefined,
      modelType: fields.text('model_type') || undefined,
      sourceRunId: fields.text('source_run_id') || undefined,
      params: fields.objects('params').map(pairOf),
      tags: fields.objects('tags').map(pairOf),
    })
    return { model: modelToWire(model) }
  }),
  endpoint('POST', '/mlflow/logged-models/search', async ({ context, caller, fields }) => {
    if (!fields.has('experiment_ids')) throw missing('experiment_ids')
    const datasets = fields.objects('datasets').map(datasetOf)
    const filter = parseSearchFilter(fields.text('filter'), LOGGED_MODELS)
    const { models, nextPageToken } = await searchLoggedModels(context, {
      ...caller,
      experimentIds: experimentIds(fields),
      filter: datasets.length === 0 ? filter : measuredOn(datasets, filter),
      orderBy: fields.objects('order_by').map(orderTerm),
      limit: pageSize(fields, { default: 50, max: 50_000 }),
      pageToken: fields.text('page_token'),
    })
    return {
      ...unlessEmpty('models', models.map(modelToWire)),
      ...(nextPageToken && { next_page_token: nextPageToken }),
    }
  }),
  endpoint('GET', '/mlflow/logged-models/:modelId', async ({ context, caller, fields, path }) => {
    const allowDeleted = fields.boolean('allow_deleted')
    return {
      model: modelToWire(await getLoggedModel(context, { ...caller, id: path['modelId']!, allowDeleted })),
    }
  }),
  endpoint('PATCH', '/mlflow/logged-models/:modelId', async (call) => {
    const status = call.fields.choice('status', STATUSES)
    if (!status) throw invalid("Missing value for required parameter 'status'.")
    return { model: modelToWire(await change(call, { status: DOMAIN_STATUS[status] })) }
  }),
  endpoint('DELETE', '/mlflow/logged-models/:modelId', async (call) => {
    await change(call, { lifecycle: 'deleted' })
    return {}
  }),
  endpoint('PATCH', '/mlflow/logged-models/:modelId/tags', async (call) => {
    await change(call, { tags: call.fields.objects('tags').map(pairOf) })
    return {}
  }),
  endpoint('DELETE', '/mlflow/logged-models/:modelId/tags/:key', async (call) => {
    await change(call, { removeTag: call.path['key']! })
    return {}
  }),
  endpoint('POST', '/mlflow/logged-models/:modelId/params', async (call) => {
    await change(call, { params: call.fields.objects('params').map(pairOf) })
    return {}
  }),
  endpoint('GET', '/mlflow/logged-models/:modelId/artifacts/directories', async (call) => {
    const { context, caller, fields, path } = call
    const { artifactUri } = await getLoggedModel(context, { ...caller, id: path['modelId']! })
    const root = folderOf(artifactUri)
    const below = (fields.text('artifact_directory_path') ?? '').replaceAll(/^\/+|\/+$/g, '')
    const files = await listArtifacts(context, {
      ...caller,
      folder: below === '' ? root : `${root}/${below}`,
    })
    const relative = files.map((file) => ({ ...file, path: file.path.slice(root.length + 1) }))
    return { root_uri: artifactUri, ...unlessEmpty('files', relative.map(entryToWire)) }
  }),
]

type Change = Omit<Parameters<typeof updateLoggedModel>[1], 'projectId' | 'actor' | 'id'>

function change({ context, caller, fields, path }: Call, input: Change): Promise<LoggedModel> {
  const id = path['modelId']!
  if ((fields.text('model_id') || id) !== id)
    throw invalid(
      `The model_id of the body, '${fields.text('model_id')}', is not the one of the address, '${id}'`,
    )
  return updateLoggedModel(context, { ...caller, ...input, id })
}

/** A param or a tag; unlike those of runs they are not cut. */
function pairOf(pair: Fields): Tag {
  const value = pair.text('value') ?? ''
  if (value.length > MAX_VALUE_LENGTH)
    throw invalid(`'value' exceeds the maximum length of ${MAX_VALUE_LENGTH} characters`)
  return { key: pair.required('key'), value }
}

function datasetOf(dataset: Fields): DatasetReference {
  const digest = dataset.text('dataset_digest')
  return { name: dataset.required('dataset_name'), ...(digest && { digest }) }
}

/** The metrics of the filter must be measured on one of the datasets; without any, some metric must. */
function measuredOn(datasets: DatasetReference[], filter: Filter): Filter {
  const clauses = 'and' in filter ? filter.and : [filter]
  const isMetric = (clause: Filter) => 'field' in clause && clause.field === 'metric'
  if (!clauses.some(isMetric)) return { and: [...clauses, { field: 'measured', datasets }] }
  return { and: clauses.map((clause) => (isMetric(clause) ? { ...clause, datasets } : clause)) }
}

function orderTerm(order: Fields): OrderTerm {
  const [term] = parseOrderBy([order.required('field_name')], LOGGED_MODELS)
  const descending = order.has('ascending') && !order.boolean('ascending')
  const dataset = order.text('dataset_name') ? datasetOf(order) : undefined
  return { ...term!, descending, ...(dataset && { dataset }) }
}

function modelToWire(model: LoggedModel) {
  return {
    info: {
      model_id: model.id,
      experiment_id: model.experimentId,
      name: model.name,
      creation_timestamp_ms: model.createdMs,
      last_updated_timestamp_ms: model.updatedMs,
      artifact_uri: model.artifactUri,
      status: `LOGGED_MODEL_${model.status}`,
      model_type: model.modelType ?? '',
      source_run_id: model.sourceRunId ?? '',
      ...unlessEmpty('tags', model.tags),
    },
    data: {
      ...unlessEmpty('params', model.params),
      ...unlessEmpty(
        'metrics',
        model.metrics.map((metric) => ({
          ...metricToWire(metric),
          model_id: model.id,
          run_id: metric.runId,
          ...(metric.datasetName !== undefined && { dataset_name: metric.datasetName }),
          ...(metric.datasetDigest !== undefined && { dataset_digest: metric.datasetDigest }),
        })),
      ),
    },
  }
}
