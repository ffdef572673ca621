import type { Experiment } from '../../tracking/schema.ts'
import {
  createExperiment,
  deleteExperimentTag,
  findExperimentByName,
  getExperiment,
  renameExperiment,
  searchExperiments,
  setExperimentLifecycle,
  setExperimentTag,
  summarizeDatasets,
} from '../../tracking/tracking.ts'
import { AppError } from '../../kernel/errors.ts'
import { invalid } from './errors.ts'
import { parseOrderBy, parseSearchFilter } from './search-filter.ts'
import { EXPERIMENTS } from './search-vocabulary.ts'
import {
  VIEW_TYPES,
  endpoint,
  experimentId,
  lifecycleOf,
  pageSize,
  unlessEmpty,
  type Fields,
} from './wire.ts'

const MAX_TAG_LENGTH = 20_000
const MAX_LOCATION_LENGTH = 2048

export const endpoints = [
  endpoint('POST', '/mlflow/experiments/create', async ({ context, caller, fields }) => {
    const name = fields.required('name')
    const tags = fields.objects('tags').map(experimentTag)
    const artifactLocation = locationOf(fields)
    const { id } = await createExperiment(context, { ...caller, name, artifactLocation, tags })
    return { experiment_id: id }
  }),
  endpoint('GET', '/mlflow/experiments/get', async ({ context, caller, fields }) => ({
    experiment: experimentToWire(await getExperiment(context, { ...caller, id: experimentId(fields) })),
  })),
  endpoint('GET', '/mlflow/experiments/get-by-name', async ({ context, caller, fields }) => {
    const name = fields.required('experiment_name')
    const experiment = await findExperimentByName(context, { ...caller, name })
    if (!experiment) throw new AppError('not_found', `Could not find experiment with name '${name}'`)
    return { experiment: experimentToWire(experiment) }
  }),
  endpoint(['GET', 'POST'], '/mlflow/experiments/search', async ({ context, caller, fields }) => {
    const { experiments, nextPageToken } = await searchExperiments(context, {
      ...caller,
      filter: parseSearchFilter(fields.text('filter'), EXPERIMENTS),
      orderBy: parseOrderBy(fields.texts('order_by'), EXPERIMENTS),
      lifecycle: lifecycleOf(fields.choice('view_type', VIEW_TYPES)),
      limit: pageSize(fields, { max: 50_000 }),
      pageToken: fields.text('page_token'),
    })
    return {
      ...unlessEmpty('experiments', experiments.map(experimentToWire)),
      ...(nextPageToken && { next_page_token: nextPageToken }),
    }
  }),
  endpoint('POST', '/mlflow/experiments/delete', async ({ context, caller, fields }) => {
    await setExperimentLifecycle(context, { ...caller, id: experimentId(fields), lifecycle: 'deleted' })
    return {}
  }),
  endpoint('POST', '/mlflow/experiments/restore', async ({ context, caller, fields }) => {
    await setExperimentLifecycle(context, { ...caller, id: experimentId(fields), lifecycle: 'active' })
    return {}
  }),
  endpoint('POST', '/mlflow/experiments/update', async ({ context, caller, fields }) => {
    await renameExperiment(context, {
      ...caller,
      id: experimentId(fields),
      name: fields.required('new_name'),
    })
    return {}
  }),
  endpoint('POST', '/mlflow/experiments/set-experiment-tag', async ({ context, caller, fields }) => {
    await setExperimentTag(context, { ...caller, id: experimentId(fields), tag: experimentTag(fields) })
    return {}
  }),
  endpoint('POST', '/mlflow/experiments/delete-experiment-tag', async ({ context, caller, fields }) => {
    await deleteExperimentTag(context, { ...caller, id: experimentId(fields), key: fields.required('key') })
    return {}
  }),
  endpoint('POST', '/mlflow/experiments/search-datasets', async ({ context, caller, fields }) => {
    const experimentIds = fields.texts('experiment_ids')
    if (experimentIds.length === 0)
      throw invalid('SearchDatasets request must specify at least one experiment_id.')
    if (experimentIds.length > 20)
      throw invalid('SearchDatasets request cannot specify more than 20 experiment_ids.')
    const summaries = await summarizeDatasets(context, { ...caller, experimentIds })
    return {
      ...unlessEmpty(
        'dataset_summaries',
        summaries.map((summary) => ({
          experiment_id: summary.experimentId,
          name: summary.name,
          digest: summary.digest,
          ...(summary.context !== undefined && { context: summary.context }),
        })),
      ),
    }
  }),
]

function experimentTag(tag: Fields) {
  const value = tag.text('value') ?? ''
  if (value.length > MAX_TAG_LENGTH)
    throw invalid(`'value' exceeds the maximum length of ${MAX_TAG_LENGTH} characters`)
  return { key: tag.required('key'), value }
}

function locationOf(fields: Fields): string | undefined {
  const location = fields.text('artifact_location')
  if (!location) return undefined
  if (location.length > MAX_LOCATION_LENGTH)
    throw invalid(`'artifact_location' exceeds the maximum length of ${MAX_LOCATION_LENGTH} characters`)
  if (location.startsWith('runs:'))
    throw invalid(`Artifact location cannot be a runs:/ URI. Given: '${location}'`)
  if (/\.\.(\/|$)|%2e/i.test(location) || /[#?]/.test(location))
    throw invalid(`Invalid artifact location: '${location}'. It must not hold '..', a query or a fragment.`)
  return location.replace(/\/+$/, '')
}

function experimentToWire(experiment: Experiment) {
  return {
    experiment_id: experiment.id,
    name: experiment.name,
    artifact_location: experiment.artifactLocation,
    lifecycle_stage: experiment.lifecycle,
    last_update_time: experiment.updatedMs,
    creation_time: experiment.createdMs,
    ...unlessEmpty('tags', experiment.tags),
  }
}
