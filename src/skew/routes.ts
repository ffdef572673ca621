import { z } from 'zod'
import { route } from '../http/route.ts'
import { listSkew } from './report.ts'
import { SkewExample } from './schema.ts'

const counts = {
  checked: z.number().describe('Served values that were computed again and judged'),
  mismatched: z.number().describe('Those that differ, which late data do not explain'),
  late: z.number().describe('Those that differ because data came after they were served'),
}

const skew = z.object({
  deployment: z.string(),
  model: z.string(),
  version: z.number(),
  feature: z.string(),
  source: z.string(),
  ...counts,
  unchecked: z.number().describe('Values that differ, where it is no longer known what was online then'),
  rate: z
    .object({ rate: z.number(), lower: z.number(), upper: z.number() })
    .nullable()
    .describe('Share of mismatches, with 95 % bounds that hold at every look'),
  hours: z.array(z.object({ startMs: z.number(), ...counts })),
  examples: z.array(SkewExample),
})

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
    response: z.object({
      features: z.array(skew),
      problems: z.array(
        z.object({
          deployment: z.string(),
          model: z.string(),
          version: z.number(),
          startMs: z.number(),
          problem: z.string(),
        }),
      ),
    }),
    handle: ({ context, actor, projectId, query }) => listSkew(context, { projectId, actor, ...query }),
  }),
]
