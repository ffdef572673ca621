import { z } from 'zod'
import { listOf, pageOf, route } from '../http/route.ts'
import { alertSchema, monitoringSchema } from './overview-schema.ts'
import { alertJson, getMonitoring } from './overview.ts'
import { listAlerts } from './store.ts'

export const routes = [
  route({
    method: 'GET',
    path: '/monitoring/:deployment',
    summary:
      'What has changed for a deployment, and whether it hurts: alerts, base rate, quality, drift, labels by day',
    permission: 'view',
    params: z.object({ deployment: z.string() }),
    query: z.strictObject({
      fromMs: z.coerce.number().int().optional(),
      toMs: z.coerce.number().int().optional(),
    }),
    response: monitoringSchema,
    async handle({ context, projectId, params, query }) {
      // Stored judgements hold more than is declared here; the schema leaves the rest out.
      const found = await getMonitoring(context, { projectId, deployment: params.deployment, ...query })
      return monitoringSchema.parse(found)
    },
  }),
  route({
    method: 'GET',
    path: '/alerts',
    summary: 'Alerts, newest first',
    permission: 'view',
    query: z.strictObject({
      deployment: z.string().optional(),
      state: z.enum(['open', 'cleared']).optional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
      pageToken: z.string().optional(),
    }),
    response: listOf(alertSchema),
    async handle({ context, projectId, query }) {
      const { deployment, state, limit, pageToken } = query
      const found = await listAlerts(context.db.read, {
        projectId,
        deployment,
        state,
        limit,
        before: pageToken,
      })
      const items = found.map(alertJson)
      return pageOf(items, limit, ({ id }) => id)
    },
  }),
]
