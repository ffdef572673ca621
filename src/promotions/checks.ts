import { isOwnedBy, listReviews, standingReviews } from '../governance/governance.ts'
import type { Review } from '../governance/schema.ts'
import { isPerson, isRoleAtLeast, roleIn, type Actor } from '../kernel/actor.ts'
import { hashJson } from '../kernel/json.ts'
import type { Queryable } from '../ports/db/db.ts'
import { AliasPolicy } from '../registry/definition.ts'
import {
  findAliasRow,
  findPolicy,
  findVersionByNumber,
  findVersionRowById,
  getModelRowById,
  listGateReportsOf,
  type ModelVersionRow,
  type RegisteredModelRow,
} from '../registry/registry.ts'
import { versionDigest } from './digest.ts'
import type { Check } from './schema.ts'
import type { NamedPromotion } from './store.ts'
import type { PromotionRow } from './tables.ts'

/** How a promotion stands against what is there now. */
export interface Standing {
  model: RegisteredModelRow
  policy: AliasPolicy | undefined
  checks: Check[]
  reviews: (Review & { counts: boolean })[]
  isStale: boolean
  isApproved: boolean
}

/** Of what is reviewed: approvals hold for this candidate in the place of this holder, and for nothing else. */
export function reviewedDigest(
  row: Pick<PromotionRow, 'digest' | 'holder_version' | 'holder_digest'>,
): string {
  return hashJson({ candidate: row.digest, holder: row.holder_version, holderDigest: row.holder_digest })
}

/** Where an alias points, with the digest of that content; null when it points nowhere. */
export async function holderOf(
  at: Queryable,
  modelId: string,
  alias: string,
): Promise<{ row: ModelVersionRow; digest: string } | null> {
  const pointed = await findAliasRow(at, modelId, alias)
  const row = pointed && (await findVersionByNumber(at, modelId, pointed.version))
  return row ? { row, digest: await versionDigest(at, row) } : null
}

/** Judges a promotion by the policy of its alias, on what is there now. Everything is asked anew each time. */
export async function standingOf(at: Queryable, promotion: NamedPromotion): Promise<Standing> {
  const model = await getModelRowById(at, promotion.model_id)
  const policy = await findPolicy(at, promotion.model_id, promotion.alias)
  const version = await findVersionRowById(at, promotion.project_id, promotion.model_version_id)
  const all = await listReviews(at, {
    projectId: promotion.project_id,
    subjectType: 'promotion',
    subjectId: promotion.id,
  })
  const standing = standingReviews(all, reviewedDigest(promotion))
  const counting = standing.filter(
    (review) =>
      review.verdict === 'approved' && policy && mayCount(policy, promotion, version?.created_by, review),
  )
  const unchanged = await checkUnchanged(at, promotion, version)
  const checks = [unchanged]
  if (policy?.gates) checks.push(await checkGates(at, model, promotion))
  if (policy && policy.approvals > 0) checks.push(checkApprovals(policy, counting))
  const counted = new Set(counting.map(({ id }) => id))
  return {
    model,
    policy,
    checks,
    reviews: all.map((review) => ({ ...review, counts: counted.has(review.id) })),
    isStale: !unchanged.met,
    isApproved: checks.every(({ met }) => met),
  }
}

async function checkUnchanged(
  at: Queryable,
  promotion: NamedPromotion,
  version: ModelVersionRow | undefined,
): Promise<Check> {
  const name = 'unchanged'
  const candidate = `${promotion.model_name}/${promotion.version}`
  if (!version || version.deleted_ms !== null)
    return { name, met: false, sentence: `${candidate} was deleted` }
  if ((await versionDigest(at, version)) !== promotion.digest)
    return {
      name,
      met: false,
      sentence: `${candidate} is not what was reviewed: its content has changed since`,
    }
  const holder = await holderOf(at, promotion.model_id, promotion.alias)
  const before =
    promotion.holder_version === null ? 'nothing' : `${promotion.model_name}/${promotion.holder_version}`
  if ((holder?.row.version ?? null) !== promotion.holder_version)
    return { name, met: false, sentence: `${promotion.alias} does not point at ${before} any more` }
  if ((holder?.digest ?? null) !== promotion.holder_digest)
    return { name, met: false, sentence: `The content of ${before}, which it was compared with, has changed` }
  return { name, met: true, sentence: 'What was reviewed is what is there' }
}

async function checkGates(at: Queryable, model: RegisteredModelRow, promotion: PromotionRow): Promise<Check> {
  const name = 'gates'
  if (model.gates_json === null || model.gates_json === '[]')
    return { name, met: true, sentence: `No gates are declared for ${model.name}` }
  const [report] = await listGateReportsOf(at, promotion.model_version_id, 1)
  if (!report) return { name, met: false, sentence: 'It has not been evaluated by its gates' }
  return { name, met: report.verdict === 'pass', sentence: report.sentence }
}

function checkApprovals({ approvals, byOthers, from }: AliasPolicy, counting: readonly Review[]): Check {
  const who = from === 'owner' ? 'the owner' : `the role ${from} or above`
  const others = byOthers ? ', from people who neither opened it nor registered the version' : ''
  const names = counting.length === 0 ? 'none yet' : counting.map(({ reviewer }) => reviewer).join(', ')
  const plural = approvals === 1 ? 'approval' : 'approvals'
  const sentence = `${approvals} ${plural} by ${who}${others}: ${names}`
  return { name: 'approvals', met: counting.length >= approvals, sentence }
}

function mayCount(
  policy: AliasPolicy,
  { author_id, author_name }: PromotionRow,
  registeredBy: string | undefined,
  review: Pick<Review, 'reviewerId' | 'reviewer' | 'role' | 'isOwner'>,
): boolean {
  const isInvolved =
    review.reviewerId === author_id || review.reviewer === author_name || review.reviewer === registeredBy
  if (policy.byOthers && isInvolved) return false
  return policy.from === 'owner' ? review.isOwner : isRoleAtLeast(review.role, policy.from)
}

/** Whether what this person would say counts. Without a protection nobody's approval is asked for, and any contributor may speak. */
export async function mayReview(
  at: Queryable,
  { policy, model }: Pick<Standing, 'policy' | 'model'>,
  promotion: PromotionRow,
  actor: Actor,
  registeredBy: string | undefined,
): Promise<boolean> {
  const role = roleIn(actor, promotion.project_id)
  if (role === undefined || !isPerson(actor)) return false
  const review = {
    reviewerId: actor.id,
    reviewer: actor.name,
    role,
    isOwner: await isOwnedBy(at, model.owner, actor),
  }
  return mayCount(policy ?? AliasPolicy.parse({ from: 'contributor' }), promotion, registeredBy, review)
}
