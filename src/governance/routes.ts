import { z } from 'zod'
import { renderMarkdown } from '../http/markdown.ts'
import { listOf, pageOf, route } from '../http/route.ts'
import { decisionKinds, decisionSchema } from './schema.ts'
import { endDrill, startDrill } from './drills.ts'
import { listDecisions } from './governance.ts'
import { peopleRoutes } from './people-routes.ts'
import { auditItemSchema, sealSchema } from './audit-schema.ts'
import { searchAudit, verifySeal } from './audit-search.ts'

const limit = z.coerce.number().int().min(1).max(500).default(100)
const wallMs = z.coerce.number().int()

export const routes = [
  ...peopleRoutes,
  route({
    method: 'GET',
    path: '/decisions',
    summary: 'What was decided, newest first: gates, rollouts, alerts, triggers, validations, deployments',
    permission: 'view',
    query: z.strictObject({
      kind: z.enum(decisionKinds).optional(),
      subjectType: z.string().optional(),
      subjectId: z.string().optional(),
      limit,
      pageToken: z.string().optional(),
    }),
    response: listOf(decisionSchema),
    async handle({ context, projectId, query }) {
      const items = await listDecisions(context, { ...query, projectId, before: query.pageToken })
      return pageOf(items, query.limit, (item) => item.id)
    },
  }),
  route({
    method: 'POST',
    path: '/markdown',
    summary:
      'Markdown as HTML that may stand in a page as it is: no HTML of its own, nothing from another host',
    permission: 'view',
    body: z.strictObject({ text: z.string().max(100_000) }),
    response: z.object({ html: z.string() }),
    handle: async ({ body }) => ({ html: renderMarkdown(body.text, { below: 2 }) }),
  }),
  route({
    method: 'POST',
    path: '/drills',
    summary: 'Says that something is injected: decisions that it causes are labelled so until its end',
    permission: 'administer',
    body: z.strictObject({
      label: z.string().min(1).max(500),
      kinds: z.array(z.enum(decisionKinds)).min(1),
      match: z.string().max(500),
    }),
    response: z.object({ id: z.string() }),
    async handle({ context, actor, projectId, body }) {
      return { id: await startDrill(context, { ...body, actor, projectId }) }
    },
  }),
  route({
    method: 'POST',
    path: '/drills/:id/end',
    summary: 'Ends a drill',
    permission: 'administer',
    params: z.object({ id: z.string() }),
    response: z.object({}),
    async handle({ context, actor, projectId, params }) {
      await endDrill(context, { actor, projectId, id: params.id })
      return {}
    },
  }),
  route({
    method: 'GET',
    path: '/audit',
    summary: 'Who did what, newest first',
    permission: 'maintain',
    query: z.strictObject({
      by: z.string().optional().describe('name or id of who acted'),
      action: z.string().optional().describe('an action, or what some begin with, such as `rollout.`'),
      subject: z.string().optional(),
      text: z.string().max(200).optional().describe('a part of what an entry says'),
      fromMs: wallMs.optional(),
      toMs: wallMs.optional(),
      everywhere: z
        .enum(['true', 'false'])
        .default('false')
        .describe(
          'also what belongs to no project, such as sign-ins, or to another; for all projects’ maintainers',
        ),
      limit,
      pageToken: z.coerce.number().int().optional(),
    }),
    response: listOf(auditItemSchema),
    async handle({ context, actor, projectId, query: { pageToken, everywhere, ...query } }) {
      const scope = { projectId, actor, everywhere: everywhere === 'true' }
      const items = await searchAudit(context, { ...query, ...scope, before: pageToken })
      return pageOf(items, query.limit, (item) => String(item.seq))
    },
  }),
  route({
    method: 'GET',
    path: '/audit/seal',
    summary: 'Follows the chain of seals through the whole log, and says whether it holds and until where',
    permission: 'maintain',
    query: z.strictObject({
      noted: z.string().optional().describe('a seal that was written down: is it still there?'),
    }),
    response: sealSchema,
    handle: ({ context, actor, projectId, query }) => verifySeal(context, { ...query, projectId, actor }),
  }),
]
