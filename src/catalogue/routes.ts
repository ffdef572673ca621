import { z } from 'zod'
import { entryKinds } from '../features/features.ts'
import { listOf, route } from '../http/route.ts'
import { getEntry, listCatalogue } from './catalogue.ts'
import { catalogueEntry, entryPage } from './schema.ts'

const word = z.string().min(1).max(200).optional()

export const routes = [
  route({
    method: 'GET',
    path: '/features/catalogue',
    summary:
      'Entities, views, on-demand features and services: found by a text, an owner or a tag, with who uses them',
    permission: 'view',
    query: z.strictObject({
      q: z.string().max(200).optional(),
      kind: z.enum(entryKinds).optional(),
      entity: word,
      owner: word,
      tag: word,
      unused: z.enum(['true', 'false']).optional(),
    }),
    response: listOf(catalogueEntry),
    async handle({ context, actor, projectId, query }) {
      const { q, unused, ...rest } = query
      const items = await listCatalogue(context, {
        projectId,
        actor,
        ...rest,
        text: q,
        unused: unused === 'true',
      })
      return { items }
    },
  }),
  route({
    method: 'GET',
    path: '/features/catalogue/:name',
    summary: 'One entity, view, on-demand feature or service, with the model versions that use it',
    permission: 'view',
    params: z.object({ name: z.string() }),
    query: z.strictObject({ kind: z.enum(entryKinds).optional() }),
    response: entryPage,
    handle: ({ context, actor, projectId, params, query }) =>
      getEntry(context, { projectId, actor, name: params.name, kind: query.kind }),
  }),
]
