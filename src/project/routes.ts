import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { parseSnapshot } from '../ports/artifacts/code-snapshot.ts'
import { applyProject, getProjectVersion, listProjectVersions } from './apply.ts'
import { projectDefinitionSchema } from './definition.ts'

const version = z.object({
  id: z.string(),
  number: z.number(),
  snapshot: z.string(),
  createdMs: z.number(),
  appliedMs: z.number().nullable(),
})
const change = z.object({
  what: z.string(),
  name: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
})

export const routes = [
  route({
    method: 'POST',
    path: '/project-versions',
    summary: 'Applies a project: its definitions, and the code snapshot that they name',
    permission: 'maintain',
    body: z.strictObject({
      definition: projectDefinitionSchema,
      /** Checked by hand: it may hold many files. */
      snapshot: z.unknown(),
      directory: z.string().min(1),
      dependencies: z.string().optional(),
    }),
    response: z.object({ version, created: z.boolean(), changes: z.array(change) }),
    handle: ({ context, actor, projectId, body }) =>
      applyProject(context, { ...body, actor, projectId, snapshot: parseSnapshot(body.snapshot) }),
  }),
  route({
    method: 'GET',
    path: '/project-versions',
    summary: 'Project versions, newest first',
    permission: 'view',
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(50),
      pageToken: z.coerce.number().int().optional(),
    }),
    response: listOf(version),
    async handle({ context, actor, projectId, query }) {
      const { limit, pageToken } = query
      const rows = await listProjectVersions(context, {
        actor,
        projectId,
        limit: limit + 1,
        below: pageToken,
      })
      const items = rows.slice(0, limit)
      const last = items.at(-1)
      return rows.length > limit && last ? { items, nextPageToken: String(last.number) } : { items }
    },
  }),
  route({
    method: 'GET',
    path: '/project-versions/:id',
    summary: 'One project version with its definitions',
    permission: 'view',
    params: z.object({ id: z.string() }),
    response: version.extend({ definition: projectDefinitionSchema }),
    handle: ({ context, actor, projectId, params }) =>
      getProjectVersion(context, { actor, projectId, id: params.id }),
  }),
]
