import { z } from 'zod'
import { route } from '../http/route.ts'
import { createExperiment, getExperiment, renameExperiment, setExperimentLifecycle } from './experiments.ts'
import { Experiment } from './schema.ts'

const params = z.strictObject({ experimentId: z.string() })
const name = z.string().trim().min(1).max(500)

export const experimentRoutes = [
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
