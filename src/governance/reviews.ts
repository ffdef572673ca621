import { renderMarkdown } from '../http/markdown.ts'
import { isPerson, roleIn, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import type { Review, Subject } from './schema.ts'
import { insertReview, listReviewRows } from './store-reviews.ts'
import type { ReviewRow } from './tables.ts'

interface WriteReview extends Subject {
  id: string
  projectId: string
  actor: Actor
  verdict: Review['verdict']
  body: string
  /** Of what was looked at. */
  digest: string
  /** Whether the subject is theirs. */
  isOwner: boolean
  atMs: number
}

/** What a person says of a subject, in the transaction of what follows from it. Only people review: a program has no judgement to lend. */
export async function addReview(trx: Trx, review: WriteReview): Promise<void> {
  const { projectId, actor, subjectType, subjectId, verdict, digest } = review
  const role = roleIn(actor, projectId)
  if (role === undefined || !isPerson(actor))
    throw new AppError('denied', `${actor.name} may not review: only people do`)
  await insertReview(trx, {
    id: review.id,
    project_id: projectId,
    subject_type: subjectType,
    subject_id: subjectId,
    reviewer_id: actor.id,
    reviewer_name: actor.name,
    reviewer_role: role,
    is_owner: review.isOwner ? 1 : 0,
    verdict,
    body: review.body,
    digest,
    created_ms: review.atMs,
  })
  const detail = { verdict, digest }
  await audit(trx, {
    projectId,
    actor,
    action: 'governance.review',
    subject: `${subjectType} ${subjectId}`,
    detail,
  })
}

/** All that were given, oldest first. */
export async function listReviews(
  at: Queryable,
  subject: Subject & { projectId: string },
): Promise<Review[]> {
  return (await listReviewRows(at, subject)).map(toReview)
}

/** The last word of each reviewer, where it is about what is there now. */
export function standingReviews(reviews: readonly Review[], digest: string): Review[] {
  const last = new Map(reviews.map((review) => [review.reviewerId, review]))
  return [...last.values()].filter((review) => review.digest === digest)
}

function toReview(row: ReviewRow): Review {
  return {
    id: row.id,
    reviewerId: row.reviewer_id,
    reviewer: row.reviewer_name,
    role: row.reviewer_role as Review['role'],
    isOwner: row.is_owner === 1,
    verdict: row.verdict as Review['verdict'],
    body: row.body,
    html: renderMarkdown(row.body, { below: 2 }),
    digest: row.digest,
    createdMs: row.created_ms,
  }
}
