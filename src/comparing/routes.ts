import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { compareRoutes } from './compare-routes.ts'
import { readExperimentTable } from './experiment-table.ts'
import { runTableRoutes } from './run-table-routes.ts'
import { savedViewRoutes } from './saved-view-routes.ts'
import { ExperimentRow } from './schema.ts'

export const routes = [
  route({
    method: 'GET',
    path: '/experiment-table',
    summary: 'Experiments with the count of their runs and their last activity, newest first',
    permission: 'view',
    query: z.strictObject({
      containing: z.string().max(500).default('').describe('A part of the name, in any case'),
      lifecycle: z.enum(['active', 'deleted']).default('active'),
      limit: z.coerce.number().int().min(1).max(1000).default(200),
      pageToken: z.string().optional(),
    }),
    response: listOf(ExperimentRow),
    async handle({ context, actor, projectId, query }) {
      const { experiments, ...next } = await readExperimentTable(context, { actor, projectId, ...query })
      return { items: experiments, ...next }
    },
  }),
  ...runTableRoutes,
  ...savedViewRoutes,
  ...compareRoutes,
]
