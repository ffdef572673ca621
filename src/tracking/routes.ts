import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { parseFilter, parseOrder } from '../search/search.ts'
import { getExperiment, searchExperiments, setExperimentTag } from './experiments.ts'
import { readCurve } from './history.ts'
import { isStoredHere } from './artifact-uris.ts'
import { listRunArtifacts } from './artifacts.ts'
import { logBatch } from './log-batch.ts'
import { getRun, listChildRuns, searchRuns } from './runs.ts'
import { experimentRoutes } from './experiment-routes.ts'
import { artifactRoutes } from './artifact-routes.ts'
import {
  ArtifactEntry,
  Curve,
  Experiment,
  MAX_TAG_LENGTH,
  DetailedRun,
  RunSummary,
  TAGS,
  type Metric,
  type RunDetail,
} from './schema.ts'

const limit = z.coerce.number().int().min(1).max(1000).default(100)
const lifecycle = z.enum(['active', 'deleted', 'all']).default('active')
const filter = z
  .string()
  .transform(parseFilter)
  .optional()
  .describe('A filter tree as JSON, such as {"field":"metric","key":"auc","operator":">","value":0.7}')
const orderBy = z
  .string()
  .transform(parseOrder)
  .optional()
  .describe('A list as JSON, such as [{"field":"metric","key":"auc","descending":true}]')

const note = z.strictObject({ text: z.string().max(MAX_TAG_LENGTH).describe('Markdown') })

export const routes = [
  route({
    method: 'GET',
    path: '/experiments',
    summary: 'Experiments, newest first',
    permission: 'view',
    query: z.strictObject({ filter, orderBy, lifecycle, limit, pageToken: z.string().optional() }),
    response: listOf(Experiment),
    async handle({ context, actor, projectId, query }) {
      const { experiments, ...next } = await searchExperiments(context, {
        ...query,
        projectId,
        actor,
        filter: query.filter ?? { and: [] },
        orderBy: query.orderBy ?? [],
      })
      return { items: experiments, ...next }
    },
  }),
  route({
    method: 'GET',
    path: '/experiments/:experimentId',
    summary: 'One experiment; `0` is the Default of the project',
    permission: 'view',
    params: z.strictObject({ experimentId: z.string() }),
    response: Experiment,
    handle: ({ context, actor, projectId, params }) =>
      getExperiment(context, { projectId, actor, id: params.experimentId }),
  }),
  route({
    method: 'PUT',
    path: '/experiments/:experimentId/note',
    summary: 'Describe an experiment: what MLflow keeps in the tag `mlflow.note.content`',
    permission: 'contribute',
    params: z.strictObject({ experimentId: z.string() }),
    body: note,
    response: z.object({}),
    async handle({ context, actor, projectId, params, body }) {
      const tag = { key: TAGS.note, value: body.text }
      await setExperimentTag(context, { projectId, actor, id: params.experimentId, tag })
      return {}
    },
  }),
  route({
    method: 'GET',
    path: '/runs',
    summary: 'Runs of an experiment, newest first unless ordered otherwise',
    permission: 'view',
    query: z.strictObject({
      experimentId: z.string().default('0').describe('One id, or several with commas'),
      filter,
      orderBy,
      lifecycle,
      limit,
      pageToken: z.string().optional(),
    }),
    response: listOf(RunSummary),
    async handle({ context, actor, projectId, query }) {
      const { experimentId, ...search } = query
      const experimentIds = experimentId.split(',')
      const { runs, ...next } = await searchRuns(context, { ...search, projectId, actor, experimentIds })
      return { items: runs.map(toWire), ...next }
    },
  }),
  ...experimentRoutes,
  ...artifactRoutes,
  route({
    method: 'GET',
    path: '/runs/:runId',
    summary: 'One run with its params, latest metrics, tags, artifacts, parent and children',
    permission: 'view',
    params: z.strictObject({ runId: z.string() }),
    response: DetailedRun,
    async handle({ context, actor, projectId, params }) {
      const caller = { projectId, actor, runId: params.runId }
      const run = await getRun(context, caller)
      const stored = isStoredHere(run.artifactUri)
      const artifacts = stored ? await listRunArtifacts(context, caller) : []
      return { ...toWire(run), artifacts, children: await listChildRuns(context, caller) }
    },
  }),
  route({
    method: 'PUT',
    path: '/runs/:runId/note',
    summary: 'Describe a run: what MLflow keeps in the tag `mlflow.note.content`',
    permission: 'contribute',
    params: z.strictObject({ runId: z.string() }),
    body: note,
    response: z.object({}),
    async handle({ context, actor, projectId, params, body }) {
      const tags = [{ key: TAGS.note, value: body.text }]
      await logBatch(context, { projectId, actor, runId: params.runId, tags })
      return {}
    },
  }),
  route({
    method: 'GET',
    path: '/runs/:runId/artifacts',
    summary: 'The files and folders directly in a folder of the artifacts of a run',
    permission: 'view',
    params: z.strictObject({ runId: z.string() }),
    query: z.strictObject({ path: z.string().default('') }),
    response: listOf(ArtifactEntry),
    handle: async ({ context, actor, projectId, params, query }) => ({
      items: await listRunArtifacts(context, { projectId, actor, runId: params.runId, folder: query.path }),
    }),
  }),
  route({
    method: 'GET',
    path: '/runs/:runId/metrics/:key',
    summary: 'The history of a metric for a chart, thinned so that no peak is lost',
    permission: 'view',
    params: z.strictObject({ runId: z.string(), key: z.string() }),
    query: z.strictObject({ points: z.coerce.number().int().min(2).max(10_000).default(1500) }),
    response: Curve,
    handle: ({ context, actor, projectId, params, query }) =>
      readCurve(context, { projectId, actor, ...params, ...query }),
  }),
]

function toWire(run: RunDetail) {
  return { ...run, metrics: run.metrics.map(metricToWire) }
}

function metricToWire({ value, ...metric }: Metric) {
  const text = String(value) as 'NaN' | 'Infinity' | '-Infinity'
  return { ...metric, value: Number.isFinite(value) ? value : text }
}
