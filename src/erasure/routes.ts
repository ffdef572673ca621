import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { getErasure, listErasures, requestErasure } from './erasure.ts'
import { erasureRequest, erasureSchema } from './schema.ts'

export const routes = [
  route({
    method: 'POST',
    path: '/erasures',
    summary:
      'Erases a person by the key of an entity: from every dataset version, the online store, prediction logs, labels and reports; with `dryRun` only counts',
    permission: 'administer',
    body: erasureRequest,
    response: z.object({ id: z.string() }),
    handle: async ({ context, actor, projectId, body }) => ({
      id: await requestErasure(context, { projectId, actor, ...body }),
    }),
  }),
  route({
    method: 'GET',
    path: '/erasures',
    summary: 'The erasures of the project, newest first: who asked for which, and what was removed where',
    permission: 'administer',
    query: z.object({
      limit: z.coerce.number().int().min(1).max(100).default(50),
      before: z.string().optional(),
    }),
    response: listOf(erasureSchema),
    handle: async ({ context, actor, projectId, query }) => ({
      items: await listErasures(context, { projectId, actor, ...query }),
    }),
  }),
  route({
    method: 'GET',
    path: '/erasures/:id',
    summary: 'One erasure with what it has removed so far',
    permission: 'administer',
    params: z.object({ id: z.string() }),
    response: erasureSchema,
    handle: async ({ context, actor, projectId, params }) =>
      await getErasure(context, { projectId, actor, id: params.id }),
  }),
]
