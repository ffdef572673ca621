import { z } from 'zod'
import { route } from '../http/route.ts'
import { compareRuns, MAX_COMPARED } from './compare.ts'
import { MAX_CURVES, readCurves } from './run-curves.ts'
import { Run } from '../tracking/schema.ts'

const list = z.string().transform((text) => text.split(',').filter((part) => part !== ''))

function compared<Value extends z.ZodType>(value: Value) {
  return z.object({
    key: z.string(),
    differs: z.boolean().describe('False when every run has it, with the same value'),
    values: z.array(value.nullable()).describe('One for each run, in their order'),
  })
}

export const compareRoutes = [
  route({
    method: 'GET',
    path: '/run-comparison',
    summary:
      'Runs side by side: their params, tags and latest metrics, what differs, and the best of each metric',
    permission: 'view',
    query: z.strictObject({
      runs: list
        .optional()
        .describe(`At most ${MAX_COMPARED} ids with commas, or at least the first twelve digits of each`),
      parent: z.string().optional().describe('All that are nested in this run, instead'),
    }),
    response: z.object({
      runs: z.array(Run),
      missing: z.array(z.string()).describe('Ids that name no run'),
      params: z.array(compared(z.string())),
      tags: z.array(compared(z.string())),
      metrics: z.array(
        compared(z.union([z.number(), z.string()])).extend({
          lowerIsBetter: z.boolean().describe('What its name suggests'),
          lastStep: z.number().describe('The greatest last step of any run'),
          best: z.array(z.number()).describe('Where the best finite value is'),
        }),
      ),
      cut: z.boolean().describe('True when there are more keys than the 200 of a kind that an answer holds'),
    }),
    handle: ({ context, actor, projectId, query }) =>
      compareRuns(context, { actor, projectId, runIds: query.runs, parentRunId: query.parent }),
  }),
  route({
    method: 'GET',
    path: '/run-curves',
    summary: 'The histories of one metric of several runs, thinned so that no peak is lost',
    permission: 'view',
    query: z.strictObject({
      runs: list.describe(`At most ${MAX_CURVES} ids with commas`),
      key: z.string().min(1),
      points: z.coerce.number().int().min(2).max(10_000).default(1500).describe('At most, for each run'),
    }),
    response: z.object({
      curves: z.array(
        z.object({
          runId: z.string(),
          points: z
            .array(z.tuple([z.number(), z.number(), z.number().nullable()]))
            .describe('[step, timestampMs, value]; value null where it is not finite'),
          total: z.number().describe('Points in the whole history'),
          thinned: z.boolean(),
        }),
      ),
    }),
    handle: async ({ context, actor, projectId, query: { runs, ...query } }) => ({
      curves: await readCurves(context, { ...query, actor, projectId, runIds: runs }),
    }),
  }),
]
