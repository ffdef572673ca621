import { z } from 'zod'
import { route } from '../../http/route.ts'
import { openLineageOf } from './openlineage.ts'

export const openLineageRoutes = [
  route({
    method: 'GET',
    path: '/validation-reports/:id/openlineage',
    summary:
      'A validation report as a run event of OpenLineage, with each check as an assertion on the dataset and what is known of its columns',
    permission: 'view',
    params: z.object({ id: z.string() }),
    response: z.looseObject({ eventType: z.string(), eventTime: z.string(), schemaURL: z.string() }),
    handle: ({ context, projectId, params }) => openLineageOf(context, { projectId, id: params.id }),
  }),
]
