import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { readExperimentTable } from './experiment-table.ts'
import { createExperiment, getExperiment, renameExperiment, setExperimentLifecycle } from './experiments.ts'
import { Experiment } from './schema.ts'

const params = z.strictObject({ experimentId: z.string() })
const name = z.string().trim().min(1).max(500)

export const experimentRoutes = [
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
    response: listOf(
      Experiment.extend({
        runs: z.number(),
        lastRunMs: z.number().optional().describe('Start of the newest run'),
        note: z.string().describe('Its description, in Markdown'),
      }),
    ),
    async handle({ context, actor, projectId, query }) {
      const { experiments, ...next } = await readExperimentTable(context, { actor, projectId, ...query })
      return { items: experiments, ...next }
    },
  }),
  route({
    method: 'POST',
    path: '/experiments',
    summary: 'Create an experiment',
    permission: 'contribute',
    body: z.strictObject({ name }),
    response: Experiment,
    handle: ({ context, actor, projectId, body }) => createExperiment(context, { actor, projectId, ...body }),
  }),
  route({
    method: 'PATCH',
    path: '/experiments/:experimentId',
    summary: 'Rename an experiment',
    permission: 'contribute',
    params,
    body: z.strictObject({ name }),
    response: Experiment,
    async handle({ context, actor, projectId, params: { experimentId: id }, body }) {
      await renameExperiment(context, { actor, projectId, id, ...body })
      return await getExperiment(context, { actor, projectId, id })
    },
  }),
  route({
    method: 'POST',
    path: '/experiments/:experimentId/lifecycle',
    summary: 'Delete an experiment with its runs, or bring both back',
    permission: 'contribute',
    params,
    body: z.strictObject({ lifecycle: z.enum(['active', 'deleted']) }),
    response: Experiment,
    async handle({ context, actor, projectId, params: { experimentId: id }, body }) {
      await setExperimentLifecycle(context, { actor, projectId, id, ...body })
      return await getExperiment(context, { actor, projectId, id })
    },
  }),
]
