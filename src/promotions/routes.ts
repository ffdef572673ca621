import { z } from 'zod'
import { listOf, pageOf, route } from '../http/route.ts'
import { mergePromotion, rollBackPromotion } from './merge.ts'
import { openPromotion, refreshPromotion, reviewPromotion, withdrawPromotion } from './proposals.ts'
import { Promotion, PromotionDetail } from './schema.ts'
import { getPromotion, listPromotions } from './views.ts'

const one = z.strictObject({ id: z.string() })
const text = z.string().max(20_000).describe('Markdown')
const because = z.strictObject({ reason: z.string().max(2000).optional() })

export const routes = [
  route({
    method: 'POST',
    path: '/models/:name/promotions',
    summary:
      'Propose to point an alias at a version, with what speaks for it beside the version that holds the alias',
    permission: 'contribute',
    params: z.strictObject({ name: z.string() }),
    body: z.strictObject({ version: z.int().min(1), alias: z.string(), reason: text }),
    response: PromotionDetail,
    handle: ({ context, actor, projectId, params, body }) =>
      openPromotion(context, { ...body, projectId, actor, model: params.name }),
  }),
  route({
    method: 'GET',
    path: '/promotions',
    summary: 'Promotions, newest first',
    permission: 'view',
    query: z.strictObject({
      model: z.string().optional(),
      version: z.coerce.number().int().min(1).optional(),
      state: z
        .enum(['open', 'merged', 'declined', 'withdrawn', 'rolled_back'])
        .optional()
        .describe('`open` has those that are approved or stale too'),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      pageToken: z.string().optional(),
    }),
    response: listOf(Promotion),
    async handle({ context, actor, projectId, query: { pageToken, ...query } }) {
      const items = await listPromotions(context, { ...query, projectId, actor, before: pageToken })
      return pageOf(items, query.limit, ({ id }) => id)
    },
  }),
  route({
    method: 'GET',
    path: '/promotions/:id',
    summary: 'One promotion with its evidence, its reviews and what its policy asks for',
    permission: 'view',
    params: one,
    response: PromotionDetail,
    handle: ({ context, actor, projectId, params }) => getPromotion(context, { ...params, projectId, actor }),
  }),
  route({
    method: 'POST',
    path: '/promotions/:id/reviews',
    summary: 'Approve or decline what you looked at; a decline ends the promotion',
    permission: 'contribute',
    params: one,
    body: z.strictObject({
      verdict: z.enum(['approved', 'declined']),
      body: text.default(''),
      digest: z.string().describe('The `digest` of the promotion as you looked at it'),
    }),
    response: PromotionDetail,
    handle: ({ context, actor, projectId, params, body }) =>
      reviewPromotion(context, { ...params, ...body, projectId, actor }),
  }),
  route({
    method: 'POST',
    path: '/promotions/:id/merge',
    summary:
      'Point the alias at the version, when all that the policy asks for is so. Forcing needs the role admin and a reason',
    permission: 'maintain',
    params: one,
    body: z.strictObject({ force: z.boolean().default(false), reason: z.string().max(2000).default('') }),
    response: PromotionDetail,
    handle: ({ context, actor, projectId, params, body: { force, reason } }) =>
      mergePromotion(context, { ...params, projectId, actor, ...(force && { force: { reason } }) }),
  }),
  route({
    method: 'POST',
    path: '/promotions/:id/refresh',
    summary:
      'Gather the evidence anew, after the version or the holder of the alias has changed: approvals are void',
    permission: 'contribute',
    params: one,
    response: PromotionDetail,
    handle: ({ context, actor, projectId, params }) =>
      refreshPromotion(context, { ...params, projectId, actor }),
  }),
  route({
    method: 'POST',
    path: '/promotions/:id/withdraw',
    summary: 'Withdraw a promotion that you opened; a maintainer may withdraw any',
    permission: 'contribute',
    params: one,
    body: because,
    response: PromotionDetail,
    handle: ({ context, actor, projectId, params, body }) =>
      withdrawPromotion(context, { ...params, ...body, projectId, actor }),
  }),
  route({
    method: 'POST',
    path: '/promotions/:id/rollback',
    summary: 'Point the alias back at the version that held it before',
    permission: 'maintain',
    params: one,
    body: because,
    response: PromotionDetail,
    handle: ({ context, actor, projectId, params, body }) =>
      rollBackPromotion(context, { ...params, ...body, projectId, actor }),
  }),
]
