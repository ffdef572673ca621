import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { checkHistory } from './check-history.ts'
import { checkSeries } from './schema.ts'

export const checkRoutes = [
  route({
    method: 'GET',
    path: '/datasets/:name/checks',
    summary: 'Each check of a dataset with what it said in the newest reports, oldest first',
    permission: 'view',
    params: z.object({ name: z.string() }),
    query: z.object({
      /** How many reports. */
      limit: z.coerce.number().int().min(1).max(500).default(60),
      /** One check alone. */
      key: z.string().optional(),
    }),
    response: listOf(checkSeries),
    async handle({ context, projectId, params, query }) {
      const { limit: reports, key } = query
      return { items: await checkHistory(context, { projectId, dataset: params.name, reports, key }) }
    },
  }),
]
