import { z } from 'zod'
import { getDataset } from '../data/data.ts'
import { addComment, deleteComment, editComment, listComments } from '../governance/governance.ts'
import { Comment, CommentBody, Subject } from '../governance/schema.ts'
import type { Context } from '../http/context.ts'
import { listOf, pageOf, route } from '../http/route.ts'
import type { Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { getPromotion } from '../promotions/promotions.ts'
import { getModel, getModelVersion } from '../registry/registry.ts'
import { getExperiment, getRun } from '../tracking/tracking.ts'

type Reads = Pick<Context, 'db' | 'clock'>

/** How each room tells that a subject exists: it throws `not_found`. */
const EXISTS: Record<
  Subject['subjectType'],
  (context: Reads, caller: Caller, id: string) => Promise<unknown>
> = {
  run: (context, caller, runId) => getRun(context, { ...caller, runId }),
  experiment: (context, caller, id) => getExperiment(context, { ...caller, id }),
  model: (context, caller, name) => getModel(context, { ...caller, name }),
  model_version: (context, caller, id) => getModelVersion(context, { ...caller, ...versionNamed(id) }),
  promotion: (context, caller, id) => getPromotion(context, { ...caller, id }),
  dataset: (context, { projectId }, name) => getDataset(context, { projectId, name }),
}

function versionNamed(id: string): { model: string; version: number } {
  const named = /^(.+)\/([1-9]\d{0,8})$/.exec(id)
  if (named) return { model: named[1]!, version: Number(named[2]) }
  throw new AppError('invalid', `A version is named as late/3, not ${id}`)
}

const one = z.strictObject({ id: z.string() })

/** Comments on what any room holds: the rooms tell what exists, governance keeps what was said. */
export const commentRoutes = [
  route({
    method: 'GET',
    path: '/comments',
    summary: 'What was said about a run, a version or another subject, oldest first',
    permission: 'view',
    query: z.strictObject({
      ...Subject.shape,
      limit: z.coerce.number().int().min(1).max(500).default(100),
      pageToken: z.string().optional(),
    }),
    response: listOf(Comment),
    async handle({ context, actor, projectId, query: { pageToken, ...query } }) {
      await EXISTS[query.subjectType](context, { projectId, actor }, query.subjectId)
      const items = await listComments(context, { ...query, projectId, actor, after: pageToken })
      return pageOf(items, query.limit, ({ id }) => id)
    },
  }),
  route({
    method: 'POST',
    path: '/comments',
    summary: 'Comment on a run, an experiment, a model, a version, a promotion or a dataset, in Markdown',
    permission: 'contribute',
    body: z.strictObject({ ...Subject.shape, body: CommentBody }),
    response: Comment,
    async handle({ context, actor, projectId, body }) {
      await EXISTS[body.subjectType](context, { projectId, actor }, body.subjectId)
      return await addComment(context, { ...body, projectId, actor })
    },
  }),
  route({
    method: 'PATCH',
    path: '/comments/:id',
    summary: 'Change a comment that you wrote',
    permission: 'contribute',
    params: one,
    body: z.strictObject({ body: CommentBody }),
    response: Comment,
    handle: ({ context, actor, projectId, params, body }) =>
      editComment(context, { ...params, ...body, projectId, actor }),
  }),
  route({
    method: 'DELETE',
    path: '/comments/:id',
    summary: 'Delete a comment: its author or a maintainer may',
    permission: 'contribute',
    params: one,
    response: z.object({}),
    async handle({ context, actor, projectId, params }) {
      await deleteComment(context, { ...params, projectId, actor })
      return {}
    },
  }),
]
