import { z } from 'zod'
import { route } from '../http/route.ts'
import type { Caller } from '../kernel/actor.ts'
import { parseJson, parseOrder } from '../search/search.ts'
import { MAX_BULK, setRunsLifecycle, tagRuns } from '../tracking/tracking.ts'
import { parseFilterText } from './filter-text.ts'
import { csvOfRuns } from './run-csv.ts'
import { countRunTable, listRunColumns, parseColumn, readRunTable } from './run-table.ts'
import { idList, RunColumns, RunTable } from './schema.ts'
import { Tag } from '../tracking/schema.ts'

const experimentId = idList.optional().describe('Ids with commas; default: all experiments')
const MAX_COLUMNS = 100

const searched = {
  experimentId,
  filter: z
    .string()
    .default('')
    .describe("What a person types: metrics.auc > 0.64 and (params.learner = 'trees' or tags.team = 'a')"),
  lifecycle: z.enum(['active', 'deleted', 'all']).default('active'),
  roots: z.stringbool().default(false).describe('Leaves out runs that are nested in another'),
  parent: z.string().optional().describe('Only the runs nested in this one'),
}

const shown = {
  orderBy: z
    .string()
    .transform(parseOrder)
    .optional()
    .describe('A list as JSON, such as [{"field":"metric","key":"auc","descending":true}]'),
  columns: z
    .string()
    .transform(parseColumns)
    .optional()
    .describe('A list as JSON, such as ["metric:auc", "param:depth"]; default: those worth a look'),
}

const runIds = z.array(z.string().min(1)).min(1).max(MAX_BULK)

export const runTableRoutes = [
  route({
    method: 'GET',
    path: '/run-table',
    summary: 'A page of runs with the values of the chosen columns only',
    permission: 'view',
    query: z.strictObject({
      ...searched,
      ...shown,
      runs: idList.optional().describe('Only these, by their ids with commas'),
      limit: z.coerce.number().int().min(1).max(1000).default(200),
      pageToken: z.string().optional(),
    }),
    response: RunTable,
    handle: ({ context, query, ...caller }) =>
      readRunTable(context, { ...query, ...search(context.clock.now(), query), ...callerOf(caller) }),
  }),
  route({
    method: 'GET',
    path: '/run-table/count',
    summary: 'How many runs a table has in all its pages',
    permission: 'view',
    query: z.strictObject(searched),
    response: z.object({ runs: z.number() }),
    handle: async ({ context, query, ...caller }) => ({
      runs: await countRunTable(context, { ...search(context.clock.now(), query), ...callerOf(caller) }),
    }),
  }),
  route({
    method: 'GET',
    path: '/run-table/columns',
    summary: 'What a table of these experiments can show, by how many runs have it',
    permission: 'view',
    query: z.strictObject({
      experimentId,
      containing: z.string().max(250).default(''),
      limit: z.coerce.number().int().min(1).max(1000).default(200),
    }),
    response: RunColumns,
    handle: ({ context, query: { experimentId: experimentIds, ...query }, ...caller }) =>
      listRunColumns(context, { ...query, experimentIds, ...callerOf(caller) }),
  }),
  route({
    method: 'GET',
    path: '/run-table/csv',
    summary: 'The whole table as CSV, with the columns that it shows or all that its experiments have',
    permission: 'view',
    query: z.strictObject({ ...searched, ...shown }),
    response: z.string(),
    contentType: 'text/csv',
    async handle({ context, query, ...caller }) {
      const csv = await csvOfRuns(context, {
        ...query,
        ...search(context.clock.now(), query),
        ...callerOf(caller),
      })
      return new Response(csv, {
        headers: {
          'content-type': 'text/csv; charset=utf-8',
          'content-disposition': 'attachment; filename="runs.csv"',
          'x-content-type-options': 'nosniff',
        },
      })
    },
  }),
  route({
    method: 'POST',
    path: '/run-table/lifecycle',
    summary: 'Deletes or restores many runs, all or none',
    permission: 'contribute',
    body: z.strictObject({ runIds, lifecycle: z.enum(['active', 'deleted']) }),
    response: z.object({ changed: z.number() }),
    handle: async ({ context, body, ...caller }) => ({
      changed: await setRunsLifecycle(context, { ...body, ...callerOf(caller) }),
    }),
  }),
  route({
    method: 'POST',
    path: '/run-table/tags',
    summary: 'Sets tags on many runs and takes others away, all or none',
    permission: 'contribute',
    body: z.strictObject({
      runIds,
      set: z.array(Tag).max(100).default([]),
      remove: z.array(z.string()).max(100).default([]),
    }),
    response: z.object({}),
    async handle({ context, body, ...caller }) {
      await tagRuns(context, { ...body, ...callerOf(caller) })
      return {}
    },
  }),
]

function callerOf({ actor, projectId }: Caller): Caller {
  return { actor, projectId }
}

function search(
  nowMs: number,
  query: z.output<z.ZodObject<typeof searched>> & { runs?: string[] | undefined },
) {
  return {
    experimentIds: query.experimentId,
    filter: parseFilterText(query.filter, nowMs),
    lifecycle: query.lifecycle,
    roots: query.roots,
    parentRunId: query.parent,
    runIds: query.runs,
  }
}

function parseColumns(text: string) {
  return parseJson(z.array(z.string()).max(MAX_COLUMNS), text, 'columns').map(parseColumn)
}
