import { z } from 'zod'
import { datasetSummary } from '../summaries/schema.ts'
import { route } from '../http/route.ts'
import { entityDefinition, onDemandDefinition } from '../features/definition.ts'
import { getService, listDefinitions } from '../features/features.ts'
import { listFreshness } from './freshness.ts'
import { requestMaterialize } from './request.ts'
import { featureServiceSpec, viewSpec } from '../features/schema.ts'
import { getViewPage } from './view-page.ts'

const freshness = z.object({
  view: viewSpec,
  current: z.boolean(),
  materializedUntilMs: z.number().nullable(),
  newestEventMs: z.number().nullable(),
  ageMs: z.number().nullable(),
  keys: z.number(),
  staleKeys: z.number(),
  stale: z.boolean(),
  storeAnswers: z.boolean(),
})

const name = z.object({ name: z.string() })

export const routes = [
  route({
    method: 'GET',
    path: '/features',
    summary:
      'Entities, feature views with their freshness, on-demand features and feature services of the project',
    permission: 'view',
    response: z.object({
      entities: z.array(entityDefinition),
      views: z.array(freshness),
      onDemand: z.array(onDemandDefinition),
      services: z.array(featureServiceSpec),
    }),
    async handle({ context, projectId }) {
      const { db } = context
      const parse = async <T>(kind: 'entity' | 'on_demand' | 'service', schema: z.ZodType<T>): Promise<T[]> =>
        (await listDefinitions(db.read, projectId, kind)).map((row) =>
          schema.parse(JSON.parse(row.definition_json)),
        )
      return {
        entities: await parse('entity', entityDefinition),
        views: await listFreshness(context, { projectId }),
        onDemand: await parse('on_demand', onDemandDefinition),
        services: await parse('service', featureServiceSpec),
      }
    },
  }),
  route({
    method: 'GET',
    path: '/features/services/:name',
    summary: 'One feature service, complete with its views and on-demand features',
    permission: 'view',
    params: name,
    response: featureServiceSpec,
    handle: ({ context, projectId, params }) => getService(context, { projectId, name: params.name }),
  }),
  route({
    method: 'GET',
    path: '/features/views/:name',
    summary:
      'One feature view: its definition, what was online over the last week, and how its values are distributed',
    permission: 'view',
    params: name,
    response: z.object({
      spec: viewSpec,
      earlier: z.array(z.string()).describe('Hashes of earlier definitions that are kept up to date'),
      states: z.array(
        z.object({
          atMs: z.number().describe('When the view was brought online'),
          cursorMs: z.number().describe('Up to which moment'),
          datasetVersionId: z.string(),
          newestEventMs: z.number().nullable(),
        }),
      ),
      summaries: z
        .array(
          z.object({
            fromMs: z.number(),
            toMs: z.number(),
            datasetVersionId: z.string(),
            summary: datasetSummary,
          }),
        )
        .describe('Of each key the value that was not older than the ttl; newest first'),
    }),
    handle: ({ context, actor, projectId, params }) =>
      getViewPage(context, { projectId, actor, name: params.name }),
  }),
  route({
    method: 'POST',
    path: '/features/views/:name/materialize',
    summary: 'Asks a worker to bring the online values of a view up to the present',
    permission: 'contribute',
    params: name,
    response: z.object({ jobIds: z.array(z.string()) }),
    async handle({ context, actor, projectId, params }) {
      const { jobIds } = await requestMaterialize(context, { projectId, actor, views: [params.name] })
      return { jobIds }
    },
  }),
  route({
    method: 'POST',
    path: '/features/views/:name/rebuild',
    summary:
      'Asks a worker to compute all online values of a view anew from its dataset, and to replace them at once',
    permission: 'contribute',
    params: name,
    response: z.object({ jobIds: z.array(z.string()) }),
    async handle({ context, actor, projectId, params }) {
      const input = { projectId, actor, views: [params.name], complete: true }
      const { jobIds } = await requestMaterialize(context, input)
      return { jobIds }
    },
  }),
]
