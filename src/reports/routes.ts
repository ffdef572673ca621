import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { checkHistory } from './history.ts'
import { failingRows, getReport } from './reports.ts'
import { checkSeries, reportDetail } from './schema.ts'
import { findReportSubject } from './store.ts'

export const routes = [
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
  route({
    method: 'GET',
    path: '/validation-reports/:id',
    summary: 'A validation report with the rows that failed, at most 1,000',
    permission: 'view',
    params: z.object({ id: z.string() }),
    response: reportDetail,
    async handle({ context, projectId, params }) {
      const report = await getReport(context, { projectId, id: params.id })
      const { dataset } = await findReportSubject(context.db.read, report)
      return { ...report, dataset, failingRows: await failingRows(context, report) }
    },
  }),
]
