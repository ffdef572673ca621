import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import { getVersionRow, lockModelRow, pointAlias, type Force } from '../registry/registry.ts'
import { versionDigest } from './digest.ts'
import { holderOf, standingOf } from './checks.ts'
import { finish, nameOf, quoted, requireOpen } from './record.ts'
import type { PromotionDetail } from './schema.ts'
import { getPromotion } from './views.ts'
import { getPromotionRow } from './store.ts'

/** As the event tells who moved the alias: what serves follows at once. */
const ROLLED_BACK = 'promotion_rollback'

type Writes = Pick<Context, 'db' | 'clock'>

/**
 * Points the alias at the version, when all that the policy asks for is so. Throws `denied` with what is missing, `conflict` when what was
 * reviewed has changed or someone else was first. An administrator may force what is missing, not what has changed.
 */
export async function mergePromotion(
  context: Writes,
  { projectId, actor, id, force }: Caller & { id: string; force?: Force | undefined },
): Promise<PromotionDetail> {
  requirePermission(actor, force ? 'administer' : 'maintain', projectId)
  if (force && force.reason.trim() === '') throw new AppError('invalid', 'Forcing a promotion needs a reason')
  await context.db.write((trx) => mergePromotionIn(context, trx, { projectId, actor, id, force }))
  return await getPromotion(context, { projectId, actor, id })
}

/** The same inside a transaction of the caller, who has asked for the permission. */
export async function mergePromotionIn(
  context: Pick<Context, 'clock'>,
  trx: Trx,
  { projectId, actor, id, force }: Caller & { id: string; force?: Force | undefined },
): Promise<void> {
  const read = await getPromotionRow(trx, projectId, id)
  const model = await lockModelRow(trx, projectId, read.model_name)
  const promotion = await getPromotionRow(trx, projectId, id)
  requireOpen(promotion)
  const standing = await standingOf(trx, promotion)
  const missing = standing.checks.filter(({ met }) => !met).map(({ sentence }) => sentence)
  const moved = `${promotion.alias} of ${model.name}`
  if (standing.isStale)
    throw new AppError('conflict', `${moved} was not moved: ${missing.join('; ')}. Refresh the promotion.`)
  if (!standing.isApproved && !force)
    throw new AppError('denied', `${moved} was not moved: ${missing.join('; ')}`)
  const from = promotion.holder_version === null ? '' : ` from ${model.name}/${promotion.holder_version}`
  const approvers = standing.reviews.filter(({ counts }) => counts).map(({ reviewer }) => reviewer)
  const why =
    force && !standing.isApproved
      ? `forced by ${actor.name} (“${force.reason.trim()}”) although: ${missing.join('; ')}`
      : approvers.length > 0
        ? `approved by ${approvers.join(', ')}, merged by ${actor.name}`
        : `merged by ${actor.name}`
  await finish(context, trx, {
    promotion,
    standing,
    actor,
    state: 'merged',
    verdict: force && !standing.isApproved ? 'forced' : 'merged',
    sentence: `Promoted ${nameOf(promotion)} to ${promotion.alias}${from}: ${why}.`,
  })
  const { alias, version } = promotion
  await pointAlias(context, trx, { model, actor, alias, version, source: 'promotion', promotionId: id })
}

/** Points the alias back at what held it before, at once: what stood there was approved, or was there before the protection. */
export async function rollBackPromotion(
  context: Writes,
  { projectId, actor, id, reason = '' }: Caller & { id: string; reason?: string | undefined },
): Promise<PromotionDetail> {
  requirePermission(actor, 'maintain', projectId)
  await context.db.write((trx) =>
    rollBackPromotionIn(context, trx, { projectId, actor, id, reason, source: ROLLED_BACK }),
  )
  return await getPromotion(context, { projectId, actor, id })
}

/** The same inside a transaction of the caller. Throws `conflict` when there is nothing to go back to, or it has changed since. */
export async function rollBackPromotionIn(
  context: Pick<Context, 'clock'>,
  trx: Trx,
  { projectId, actor, id, reason, source }: Caller & { id: string; reason: string; source: string },
): Promise<void> {
  const read = await getPromotionRow(trx, projectId, id)
  const model = await lockModelRow(trx, projectId, read.model_name)
  const promotion = await getPromotionRow(trx, projectId, id)
  const { alias, holder_version: version } = promotion
  const refuse = (why: string): AppError =>
    new AppError('conflict', `${alias} of ${model.name} was not moved back: ${why}`)
  if (promotion.state !== 'merged') throw refuse(`the promotion is ${promotion.state.replace('_', ' ')}`)
  if (version === null) throw refuse('nothing held it before')
  const holder = await holderOf(trx, model.id, alias)
  if (holder?.row.version !== promotion.version)
    throw refuse(`it does not point at ${nameOf(promotion)} any more`)
  const before = await getVersionRow(trx, model, version)
  if ((await versionDigest(trx, before)) !== promotion.holder_digest)
    throw refuse(`the content of ${model.name}/${version} has changed since it held it`)
  await finish(context, trx, {
    promotion,
    standing: await standingOf(trx, promotion),
    actor,
    state: 'rolled_back',
    sentence: `Rolled ${alias} back from ${nameOf(promotion)} to ${model.name}/${version}: by ${actor.name}${quoted(reason)}.`,
  })
  await pointAlias(context, trx, { model, actor, alias, version, source, promotionId: id })
}
