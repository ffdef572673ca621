import { z } from 'zod'
import { route } from '../http/route.ts'
import { compareRuns, MAX_COMPARED } from './compare.ts'
import { MAX_CURVES, readCurves } from './run-curves.ts'
import { idList, RunComparison, RunCurve } from './schema.ts'

export const compareRoutes = [
  route({
    method: 'GET',
    path: '/run-comparison',
    summary:
      'Runs side by side: their params, tags and latest metrics, what differs, and the best of each metric',
    permission: 'view',
    query: z.strictObject({
      runs: idList
        .optional()
        .describe(`At most ${MAX_COMPARED} ids with commas, or at least the first twelve digits of each`),
      parent: z.string().optional().describe('All that are nested in this run, instead'),
    }),
    response: RunComparison,
    handle: ({ context, actor, projectId, query }) =>
      compareRuns(context, { actor, projectId, runIds: query.runs, parentRunId: query.parent }),
  }),
  route({
    method: 'GET',
    path: '/run-curves',
    summary: 'The histories of one metric of several runs, thinned so that no peak is lost',
    permission: 'view',
    query: z.strictObject({
      runs: idList.describe(`At most ${MAX_CURVES} ids with commas`),
      key: z.string().min(1),
      points: z.coerce.number().int().min(2).max(10_000).default(1500).describe('At most, for each run'),
    }),
    response: z.object({ curves: z.array(RunCurve) }),
    handle: async ({ context, actor, projectId, query: { runs, ...query } }) => ({
      curves: await readCurves(context, { ...query, actor, projectId, runIds: runs }),
    }),
  }),
]
