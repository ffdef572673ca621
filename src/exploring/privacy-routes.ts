import { z } from 'zod'
import { route } from '../http/route.ts'
import { anonymityReport, balanceReport } from '../privacy/schema.ts'
import { anonymityOfVersion, balanceOfVersion } from './privacy-reports.ts'

const version = z.object({ name: z.string(), number: z.coerce.number().int().min(1) })
const column = z.string().min(1).max(200)

export const privacyRoutes = [
  route({
    method: 'GET',
    path: '/datasets/:name/versions/:number/k-anonymity',
    summary:
      'How well people hide among each other: sizes of the groups of rows that agree in some columns, and how many values a sensitive column has in them',
    permission: 'view',
    params: version,
    query: z.object({
      columns: z
        .string()
        .transform((text) => text.split(',').map((name) => name.trim()))
        .pipe(z.array(column).min(1).max(20)),
      sensitive: column.optional(),
      k: z.coerce.number().int().min(2).max(1_000_000).default(5),
    }),
    response: anonymityReport,
    handle: async ({ context, actor, projectId, params, query }) =>
      await anonymityOfVersion(context, {
        projectId,
        actor,
        reference: `${params.name}@${params.number}`,
        ...query,
      }),
  }),
  route({
    method: 'GET',
    path: '/datasets/:name/versions/:number/balance',
    summary:
      'How the groups of a column compare: rows, rate of a label with intervals and beside the highest, missing values',
    permission: 'view',
    params: version,
    query: z.object({ by: column, label: column.optional(), positive: z.string().max(200).optional() }),
    response: balanceReport,
    handle: async ({ context, actor, projectId, params, query }) =>
      await balanceOfVersion(context, {
        projectId,
        actor,
        reference: `${params.name}@${params.number}`,
        ...query,
      }),
  }),
]
