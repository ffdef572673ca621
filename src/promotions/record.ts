import { audit, recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import type { Standing } from './checks.ts'
import { updatePromotion, type NamedPromotion } from './store.ts'
import type { PromotionRow } from './tables.ts'

interface Finish {
  promotion: NamedPromotion
  standing: Standing
  actor: Actor
  state: Exclude<PromotionRow['state'], 'open'>
  verdict?: string
  sentence: string
}

/** Ends a promotion: its row, the decision with the evidence that it rests on, audit and event. */
export async function finish(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  { promotion, standing, actor, state, verdict = state, sentence }: Finish,
): Promise<void> {
  const nowMs = clock.now()
  const end = { finished_by: actor.name, finished_ms: nowMs, updated_ms: nowMs, open_key: null }
  await change(trx, promotion, { ...end, state, sentence })
  const { id, project_id: projectId, model_name: model, version, alias, digest } = promotion
  await recordDecision(trx, {
    projectId,
    kind: 'promotion',
    subjectType: 'promotion',
    subjectId: id,
    verdict,
    sentence,
    rule: standing.policy ? JSON.stringify(standing.policy) : 'The alias is not protected',
    numbers: { checks: standing.checks },
    inputs: {
      model,
      version,
      alias,
      digest,
      holderVersion: promotion.holder_version,
      holderDigest: promotion.holder_digest,
      reviews: standing.reviews.map(({ reviewer, verdict: said, digest: of, counts }) => ({
        reviewer,
        verdict: said,
        digest: of,
        counts,
      })),
      actor: actor.name,
    },
    atMs: nowMs,
  })
  await tell({ clock }, trx, { promotion, actor, action: verdict, state })
}

export async function change(
  trx: Trx,
  promotion: PromotionRow,
  values: Parameters<typeof updatePromotion>[2],
): Promise<void> {
  if (await updatePromotion(trx, promotion, values)) return
  throw new AppError('conflict', 'The promotion was changed by someone else meanwhile: look at it again', {
    details: { id: promotion.id },
  })
}

export async function tell(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  {
    promotion,
    actor,
    action,
    state,
  }: { promotion: NamedPromotion; actor: Actor; action: string; state: string },
): Promise<void> {
  const { id: promotionId, project_id: projectId, model_name: model, version, alias } = promotion
  const detail = { promotionId, alias }
  await audit(trx, {
    projectId,
    actor,
    action: `registry.promotion_${action}`,
    subject: nameOf(promotion),
    detail,
  })
  const payload = { promotionId, model, version, alias, state }
  await appendEvent(trx, { projectId, kind: 'promotion.changed', payload, atMs: clock.now() })
}

export function requireOpen({ state }: PromotionRow): void {
  if (state !== 'open')
    throw new AppError('conflict', `The promotion is ${state.replace('_', ' ')}: open a new one`)
}

export function nameOf({ model_name, version }: NamedPromotion): string {
  return `${model_name}/${version}`
}

export function quoted(text: string): string {
  return text.trim() === '' ? '' : `, who says “${text.trim()}”`
}
