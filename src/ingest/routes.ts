import { z } from 'zod'
import { listOf, pageOf, route } from '../http/route.ts'
import { listChanges } from './changes.ts'
import { requestIngest } from './probe.ts'
import { datasetChange } from './schema.ts'

const name = z.object({ name: z.string() })

export const routes = [
  route({
    method: 'GET',
    path: '/datasets/:name/changes',
    summary:
      'What happened at the source of a dataset, newest first: what came and went, how the schema changed, the version it made or why it was refused, and failures',
    permission: 'view',
    params: name,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(100),
      pageToken: z.string().optional(),
    }),
    response: listOf(datasetChange),
    async handle({ context, projectId, params, query }) {
      const { limit, pageToken: before } = query
      const items = await listChanges(context, { projectId, dataset: params.name, limit, before })
      return pageOf(items, limit, ({ id }) => id)
    },
  }),
  route({
    method: 'POST',
    path: '/datasets/:name/ingest',
    summary: 'Asks a worker to look for new files now',
    permission: 'contribute',
    params: name,
    response: z.object({ jobId: z.string() }),
    async handle({ context, actor, projectId, params }) {
      return { jobId: await requestIngest(context, { projectId, actor, dataset: params.name }) }
    },
  }),
]
