import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { VersionUse } from '../registry/schema.ts'
import { listModelUses, withdrawModel, withdrawVersion } from './withdraw.ts'

const model = z.strictObject({ name: z.string() })
const version = z.strictObject({ name: z.string(), version: z.coerce.number().int().min(1) })

export const withdrawRoutes = [
  route({
    method: 'GET',
    path: '/models/:name/uses',
    summary: 'What keeps a model from being deleted: what serves, measures or protects one of its versions',
    permission: 'view',
    params: model,
    response: listOf(VersionUse),
    async handle({ context, projectId, actor, params }) {
      return { items: await listModelUses(context, { projectId, actor, model: params.name }) }
    },
  }),
  route({
    method: 'DELETE',
    path: '/models/:name',
    summary: 'Deletes a model with its versions, aliases and tags, unless something uses one of them',
    permission: 'maintain',
    params: model,
    response: z.object({}),
    async handle({ context, projectId, actor, params }) {
      await withdrawModel(context, { projectId, actor, name: params.name })
      return {}
    },
  }),
  route({
    method: 'GET',
    path: '/models/:name/versions/:version/uses',
    summary: 'What keeps a version from being deleted',
    permission: 'view',
    params: version,
    response: listOf(VersionUse),
    async handle({ context, projectId, actor, params: { name, ...rest } }) {
      return { items: await listModelUses(context, { projectId, actor, model: name, ...rest }) }
    },
  }),
  route({
    method: 'DELETE',
    path: '/models/:name/versions/:version',
    summary: 'Deletes a version and its aliases, unless something uses it; its number is not used again',
    permission: 'maintain',
    params: version,
    response: z.object({}),
    async handle({ context, projectId, actor, params: { name, ...rest } }) {
      await withdrawVersion(context, { projectId, actor, model: name, ...rest })
      return {}
    },
  }),
]
