import {
  MAX_PARAM_LENGTH,
  MAX_TAG_LENGTH,
  type DatasetUse,
  type Metric,
  type Run,
  type RunDetail,
} from '../../tracking/schema.ts'
import {
  createRun,
  getRun,
  logInputs,
  readRuns,
  setRunsLifecycle,
  updateRun,
} from '../../tracking/tracking.ts'
import { invalid } from './errors.ts'
import { parseOrderBy, parseSearchFilter } from './search-filter.ts'
import { RUNS } from './search-vocabulary.ts'
import { listAnswer } from './stream.ts'
import {
  VIEW_TYPES,
  doubleToWire,
  endpoint,
  experimentId,
  experimentIds,
  lifecycleOf,
  missing,
  pageSize,
  unlessEmpty,
  type Fields,
} from './wire.ts'

const STATUSES = { RUNNING: 1, SCHEDULED: 2, FINISHED: 3, FAILED: 4, KILLED: 5 } as const
/** The most characters of each member of a dataset. */
const DATASET_LIMITS = {
  name: 500,
  digest: 36,
  source: 65_535,
  schema: 1_048_575,
  profile: 16_777_215,
} as const

export const endpoints = [
  endpoint('POST', '/mlflow/runs/create', async ({ context, caller, fields }) => {
    const run = await createRun(context, {
      ...caller,
      experimentId: fields.text('experiment_id') ? experimentId(fields) : undefined,
      name: fields.text('run_name'),
      userId: fields.text('user_id'),
      startMs: fields.integer('start_time'),
      tags: fields.objects('tags').map(tagOf),
    })
    const { outputs: _, ...made } = runToWire(run)
    return { run: made }
  }),
  endpoint('POST', '/mlflow/runs/update', async ({ context, caller, fields }) => {
    const run = await updateRun(context, {
      ...caller,
      runId: runId(fields),
      status: fields.choice('status', STATUSES),
      endMs: fields.integer('end_time'),
      name: fields.text('run_name'),
    })
    return { run_info: infoToWire(run) }
  }),
  endpoint('GET', '/mlflow/runs/get', async ({ context, caller, fields }) => ({
    run: runToWire(await getRun(context, { ...caller, runId: runId(fields) })),
  })),
  endpoint('POST', '/mlflow/runs/delete', async ({ context, caller, fields }) => {
    await setRunsLifecycle(context, { ...caller, runIds: [fields.required('run_id')], lifecycle: 'deleted' })
    return {}
  }),
  endpoint('POST', '/mlflow/runs/restore', async ({ context, caller, fields }) => {
    await setRunsLifecycle(context, { ...caller, runIds: [fields.required('run_id')], lifecycle: 'active' })
    return {}
  }),
  endpoint('POST', '/mlflow/runs/search', async ({ context, caller, fields }) => {
    const pieces = readRuns(context, {
      ...caller,
      experimentIds: experimentIds(fields),
      filter: parseSearchFilter(fields.text('filter'), RUNS),
      orderBy: parseOrderBy(fields.texts('order_by'), RUNS),
      lifecycle: lifecycleOf(fields.choice('run_view_type', VIEW_TYPES)),
      limit: pageSize(fields, { default: 1000, max: 50_000 }),
      pageToken: fields.text('page_token'),
    })
    return await listAnswer('runs', pieces, runToWire)
  }),
  endpoint('POST', '/mlflow/runs/log-inputs', async ({ context, caller, fields }) => {
    const datasets = fields.objects('datasets').map(datasetOf)
    const models = fields
      .objects('models')
      .map((model) => ({ direction: 'input' as const, loggedModelId: model.required('model_id'), step: 0 }))
    await logInputs(context, { ...caller, runId: batchRunId(fields), datasets, models })
    return {}
  }),
  endpoint('POST', '/mlflow/runs/outputs', async ({ context, caller, fields }) => {
    if (!fields.has('models')) throw missing('models')
    const models = fields.objects('models').map((model) => ({
      direction: 'output' as const,
      loggedModelId: model.required('model_id'),
      step: model.integer('step') ?? 0,
    }))
    await logInputs(context, { ...caller, runId: fields.required('run_id'), models })
    return {}
  }),
]

export function runId(fields: Fields): string {
  return fields.either('run_id', 'run_uuid')
}

/** The run of a batch or of inputs; what cannot be an id of a run is told from one that is unknown. */
export function batchRunId(fields: Fields): string {
  const id = fields.required('run_id')
  if (/^[a-zA-Z0-9][\w-]{0,255}$/.test(id)) return id
  throw invalid(`Invalid value '${id.slice(0, 300)}' for parameter 'run_id' supplied.`)
}

/** Long values are cut, as MLflow does by default. */
export function tagOf(tag: Fields) {
  return { key: tag.required('key'), value: (tag.text('value') ?? '').slice(0, MAX_TAG_LENGTH) }
}

export function paramOf(param: Fields) {
  return { key: param.required('key'), value: (param.text('value') ?? '').slice(0, MAX_PARAM_LENGTH) }
}

function datasetOf(input: Fields): DatasetUse {
  const dataset = input.object('dataset')
  for (const [member, limit] of Object.entries(DATASET_LIMITS))
    if ((dataset.text(member)?.length ?? 0) > limit)
      throw invalid(`'${member}' exceeds the maximum length of ${limit} characters`)
  const schema = dataset.text('schema')
  const profile = dataset.text('profile')
  return {
    name: dataset.required('name'),
    digest: dataset.required('digest'),
    sourceType: dataset.required('source_type'),
    source: dataset.required('source'),
    ...(schema !== undefined && { schema }),
    ...(profile !== undefined && { profile }),
    tags: input.objects('tags').map(inputTagOf),
  }
}

function inputTagOf(tag: Fields) {
  const [key, value] = [tag.required('key'), tag.text('value') ?? '']
  if (key.length > 255) throw invalid("'key' exceeds the maximum length of 255 characters")
  if (value.length > 500) throw invalid("'value' exceeds the maximum length of 500 characters")
  return { key, value }
}

export function metricToWire({ key, value, timestampMs, step }: Metric) {
  return { key, value: doubleToWire(value), timestamp: timestampMs, step }
}

function runToWire(run: RunDetail) {
  const inputs = run.models.filter(({ direction }) => direction === 'input')
  const outputs = run.models.filter(({ direction }) => direction === 'output')
  const datasets = run.datasets.map(({ tags, sourceType, ...dataset }) => ({
    ...unlessEmpty('tags', tags),
    dataset: { ...dataset, source_type: sourceType },
  }))
  return {
    info: infoToWire(run),
    data: {
      ...unlessEmpty('metrics', run.metrics.map(metricToWire)),
      ...unlessEmpty('params', run.params),
      ...unlessEmpty('tags', run.tags),
    },
    inputs: {
      ...unlessEmpty('dataset_inputs', datasets),
      ...unlessEmpty(
        'model_inputs',
        inputs.map(({ loggedModelId }) => ({ model_id: loggedModelId })),
      ),
    },
    outputs: {
      ...unlessEmpty(
        'model_outputs',
        outputs.map(({ loggedModelId, step }) => ({ model_id: loggedModelId, step })),
      ),
    },
  }
}

function infoToWire(run: Run) {
  return {
    run_uuid: run.id,
    run_id: run.id,
    run_name: run.name,
    experiment_id: run.experimentId,
    user_id: run.userId,
    status: run.status,
    start_time: run.startMs,
    // A zero is unset, as MLflow writes it.
    ...(run.endMs && { end_time: run.endMs }),
    artifact_uri: run.artifactUri,
    lifecycle_stage: run.lifecycle,
  }
}
