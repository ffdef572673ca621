import { z } from 'zod'
import { route } from '../http/route.ts'
import { listSkew } from './report.ts'
import { SkewReport } from './schema.ts'

export const routes = [
  route({
    method: 'GET',
    path: '/features/skew',
    summary: 'Served features computed again from the offline data: mismatches by feature, with examples',
    permission: 'view',
    query: z.strictObject({
      deployment: z.string().min(1).max(200).optional(),
      source: z.string().min(1).max(200).optional(),
      days: z.coerce.number().int().min(1).max(90).default(7),
    }),
    response: SkewReport,
    handle: ({ context, actor, projectId, query }) => listSkew(context, { projectId, actor, ...query }),
  }),
]
