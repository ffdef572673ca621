import type { Context } from '../http/context.ts'
import { mayActor, requirePermission, type Actor, type Caller } from '../kernel/actor.ts'
import type { Queryable } from '../ports/db/db.ts'
import { findVersionRowById, getModelRow } from '../registry/registry.ts'
import { holderOf, mayReview, reviewedDigest, standingOf, type Standing } from './checks.ts'
import { Evidence, type Promotion, type PromotionDetail } from './schema.ts'
import { getPromotionRow, listPromotionRows, type NamedPromotion } from './store.ts'
import type { PromotionRow } from './tables.ts'

export async function getPromotion(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<PromotionDetail> {
  requirePermission(actor, 'view', projectId)
  const row = await getPromotionRow(db.read, projectId, id)
  const standing = await standingOf(db.read, row)
  const isOpen = row.state === 'open'
  const reviews = await canReview(db.read, standing, row, actor)
  const mine = row.author_id === actor.id || mayActor(actor, 'maintain', projectId)
  const { policy, checks } = standing
  return {
    ...toPromotion(row, isOpen ? standing : undefined, { actor, reviews }),
    policy: policy ?? null,
    checks: isOpen ? checks : [],
    reviews: standing.reviews,
    evidence: Evidence.parse(JSON.parse(row.evidence_json)),
    may: {
      review: isOpen && !standing.isStale && reviews,
      merge: isOpen && standing.isApproved && mayActor(actor, 'maintain', projectId),
      force: isOpen && !standing.isStale && !standing.isApproved && mayActor(actor, 'administer', projectId),
      withdraw: isOpen && mine,
      refresh: isOpen && mine,
      rollBack:
        row.state === 'merged' &&
        row.holder_version !== null &&
        mayActor(actor, 'maintain', projectId) &&
        (await holderOf(db.read, row.model_id, row.alias))?.row.version === row.version,
    },
  }
}

export interface ListPromotions extends Caller {
  model?: string | undefined
  version?: number | undefined
  /** `open` has those that are approved or stale too. */
  state?: PromotionRow['state'] | undefined
  limit: number
  before?: string | undefined
}

/** Newest first. */
export async function listPromotions(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, model, ...filter }: ListPromotions,
): Promise<Promotion[]> {
  requirePermission(actor, 'view', projectId)
  const modelId = model === undefined ? undefined : (await getModelRow(db.read, projectId, model)).id
  const promotions: Promotion[] = []
  for (const row of await listPromotionRows(db.read, { ...filter, projectId, modelId })) {
    // One that has ended stands as it ended.
    const standing = row.state === 'open' ? await standingOf(db.read, row) : undefined
    const reviews = standing !== undefined && (await canReview(db.read, standing, row, actor))
    promotions.push(toPromotion(row, standing, { actor, reviews }))
  }
  return promotions
}

/** Whether what this person would say of a promotion counts. */
export async function canReview(
  at: Queryable,
  standing: Standing,
  row: PromotionRow,
  actor: Actor,
): Promise<boolean> {
  const version = await findVersionRowById(at, row.project_id, row.model_version_id)
  return await mayReview(at, standing, row, actor, version?.created_by)
}

function toPromotion(
  row: NamedPromotion,
  /** How it stands while it is open. */
  standing: Standing | undefined,
  { actor, reviews }: { actor: Actor; reviews: boolean },
): Promotion {
  return {
    id: row.id,
    model: row.model_name,
    alias: row.alias,
    version: row.version,
    holderVersion: row.holder_version,
    reason: row.reason,
    author: row.author_name,
    state: standing?.isStale ? 'stale' : standing?.policy && standing.isApproved ? 'approved' : row.state,
    digest: reviewedDigest(row),
    revision: row.revision,
    sentence: row.sentence,
    finishedBy: row.finished_by,
    finishedMs: row.finished_ms,
    createdMs: row.created_ms,
    waitsFor: standing ? waitsFor(row, standing, { actor, reviews }) : null,
  }
}

/** Nobody is asked twice: who has approved what is there now is not waited for. */
function waitsFor(
  row: NamedPromotion,
  { isStale, isApproved, reviews: given }: Standing,
  { actor, reviews }: { actor: Actor; reviews: boolean },
): Promotion['waitsFor'] {
  const isMine = row.author_id === actor.id
  if (isStale) return isMine ? 'your refresh' : null
  if (isApproved) return mayActor(actor, 'maintain', row.project_id) ? 'your merge' : null
  const hasApproved = given.some(({ reviewerId, counts }) => counts && reviewerId === actor.id)
  return reviews && !hasApproved ? 'your review' : null
}
