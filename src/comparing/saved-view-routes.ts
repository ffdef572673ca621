import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { deleteSavedView, listSavedViews, saveView } from './saved-views.ts'
import { SavedView, ViewPage } from './schema.ts'

export const savedViewRoutes = [
  route({
    method: 'GET',
    path: '/saved-views',
    summary: 'The views of a page that people of the project saved, by name',
    permission: 'view',
    query: z.strictObject({ page: ViewPage.default('runs') }),
    response: listOf(SavedView),
    handle: async ({ context, actor, projectId, query }) => ({
      items: await listSavedViews(context, { actor, projectId, ...query }),
    }),
  }),
  route({
    method: 'POST',
    path: '/saved-views',
    summary: 'Gives the state of a page a name',
    permission: 'contribute',
    body: z.strictObject({
      page: ViewPage.default('runs'),
      name: z.string().trim().min(1).max(100),
      query: z.string().max(8000),
    }),
    response: SavedView,
    handle: ({ context, actor, projectId, body }) => saveView(context, { actor, projectId, ...body }),
  }),
  route({
    method: 'DELETE',
    path: '/saved-views/:id',
    summary: 'Deletes a saved view: whoever saved it may, and whoever maintains the project',
    permission: 'contribute',
    params: z.strictObject({ id: z.string() }),
    response: z.object({}),
    async handle({ context, actor, projectId, params }) {
      await deleteSavedView(context, { actor, projectId, ...params })
      return {}
    },
  }),
]
