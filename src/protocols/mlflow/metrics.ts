import type { MetricPoint } from '../../tracking/schema.ts'
import { getMetricHistory, logBatch, readMetricHistory, sampleHistories } from '../../tracking/tracking.ts'
import { AppError } from '../../kernel/errors.ts'
import { invalid } from './errors.ts'
import { batchRunId, metricToWire, paramOf, runId, tagOf } from './runs.ts'
import { listAnswer } from './stream.ts'
import { endpoint, pageSize, unlessEmpty, type Fields } from './wire.ts'

/** Without a size the whole history is answered. */
const MAX_PAGE = 100_000
const LIMITS = { metrics: 1000, params: 100, tags: 100 } as const
const LIMIT_TOTAL = 1000
const BULK_POINTS = 25_000

export const endpoints = [
  endpoint('POST', '/mlflow/runs/log-metric', async ({ context, caller, fields }) => {
    await logBatch(context, { ...caller, runId: runId(fields), metrics: [metricOf(fields)] })
    return {}
  }),
  endpoint('POST', '/mlflow/runs/log-batch', async ({ context, caller, fields }) => {
    const lists = {
      metrics: fields.objects('metrics'),
      params: fields.objects('params'),
      tags: fields.objects('tags'),
    }
    requireLimits(lists)
    const id = batchRunId(fields)
    const batch = {
      metrics: lists.metrics.map(metricOf),
      params: lists.params.map(paramOf),
      tags: lists.tags.map(tagOf),
    }
    await logBatch(context, { ...caller, runId: id, ...batch }).catch((error: unknown) => {
      throw asBatchError(error, id)
    })
    return {}
  }),
  endpoint('GET', '/mlflow/metrics/get-history', async ({ context, caller, fields }) => {
    const pieces = readMetricHistory(context, {
      ...caller,
      runId: runId(fields),
      key: fields.required('metric_key'),
      limit: fields.has('max_results') ? pageSize(fields, { max: MAX_PAGE }) : Infinity,
      pageToken: fields.text('page_token'),
    })
    return await listAnswer('metrics', pieces, metricToWire)
  }),
  endpoint('GET', '/mlflow/metrics/get-history-bulk-interval', async ({ context, caller, fields }) => {
    const runIds = fields.texts('run_ids')
    if (runIds.length === 0)
      throw invalid('GetMetricHistoryBulkInterval request must specify at least one run_id.')
    if (runIds.length > 100)
      throw invalid('GetMetricHistoryBulkInterval request must specify at most 100 run_ids.')
    requireSteps(fields)
    const metrics = await sampleHistories(context, {
      ...caller,
      runIds,
      key: fields.required('metric_key'),
      startStep: fields.integer('start_step'),
      endStep: fields.integer('end_step'),
      limit: pageSize(fields, { default: 2500, max: 2500 }),
    })
    return {
      ...unlessEmpty(
        'metrics',
        metrics.map((metric) => ({ ...metricToWire(metric), run_id: metric.runId })),
      ),
    }
  }),
  endpoint(
    'GET',
    '/mlflow/metrics/get-history-bulk',
    async ({ context, caller, fields }) => {
      const runIds = fields.texts('run_id').toSorted()
      if (runIds.length === 0) throw invalid('GetMetricHistoryBulk request must specify at least one run_id.')
      if (runIds.length > 100)
        throw invalid(
          `GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received ${runIds.length} run_ids.`,
        )
      const key = fields.text('metric_key')
      if (key === undefined) throw invalid('GetMetricHistoryBulk request must specify a metric_key.')
      let limit = Math.min(fields.integer('max_results') ?? BULK_POINTS, BULK_POINTS)
      const metrics = []
      for (const runId of runIds) {
        if (limit <= 0) break
        const history = await getMetricHistory(context, { ...caller, runId, key, limit })
        for (const metric of history.metrics) metrics.push({ ...metricToWire(metric), run_id: runId })
        limit -= history.metrics.length
      }
      return { metrics }
    },
    { base: 'ajax-api' },
  ),
]

function requireSteps(fields: Fields): void {
  const [start, end] = [fields.integer('start_step'), fields.integer('end_step')]
  if ((start === undefined) !== (end === undefined))
    throw invalid('If either start step or end step are specified, both must be specified.')
  if (start !== undefined && end !== undefined && start > end)
    throw invalid(`end_step must be greater than start_step. Found start_step=${start} and end_step=${end}.`)
}

function metricOf(metric: Fields): MetricPoint {
  const loggedModelId = metric.text('model_id')
  const datasetName = metric.text('dataset_name')
  const datasetDigest = metric.text('dataset_digest')
  if (Boolean(datasetName) !== Boolean(datasetDigest))
    throw invalid('Both dataset_name and dataset_digest must be provided if one is provided')
  return {
    key: metric.required('key'),
    value: metric.double('value'),
    timestampMs: metric.requiredInteger('timestamp'),
    step: metric.integer('step') ?? 0,
    ...(loggedModelId && { loggedModelId }),
    ...(datasetName && { datasetName }),
    ...(datasetDigest && { datasetDigest }),
  }
}

function requireLimits(lists: Record<keyof typeof LIMITS, Fields[]>): void {
  let total = 0
  for (const [name, limit] of Object.entries(LIMITS)) {
    const { length } = lists[name as keyof typeof LIMITS]
    total += length
    if (length > limit)
      throw invalid(
        `A batch logging request can contain at most ${limit} ${name}. Got ${length} ${name}. Please split up ${name} across multiple requests and try again.`,
      )
  }
  if (total > LIMIT_TOTAL)
    throw invalid(
      `A batch logging request can contain at most ${LIMIT_TOTAL} metrics, params, and tags. Got ${total} metrics, params, and tags. Please split up metrics, params, and tags across multiple requests and try again.`,
    )
}

/** MLflow words the refusal to change a param differently in a batch. */
function asBatchError(error: unknown, id: string): unknown {
  if (!(error instanceof AppError) || !Array.isArray(error.details['changed'])) return error
  const changed = error.details['changed'] as { key: string; oldValue: string; newValue: string }[]
  const shown = changed.map(
    ({ key, oldValue, newValue }) =>
      `{'key': '${key}', 'old_value': '${oldValue}', 'new_value': '${newValue}'}`,
  )
  return invalid(
    `Changing param values is not allowed. Params were already logged='[${shown.join(', ')}]' for run ID='${id}'.`,
  )
}
