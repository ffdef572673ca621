import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Subject } from './schema.ts'
import type { ReviewRow } from './tables.ts'

export async function insertReview(trx: Trx, row: ReviewRow): Promise<void> {
  await trx.insertInto('review').values(row).execute()
}

/** Of one subject, oldest first. */
export async function listReviewRows(
  at: Queryable,
  { projectId, subjectType, subjectId }: Subject & { projectId: string },
): Promise<ReviewRow[]> {
  return await at
    .selectFrom('review')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('subject_type', '=', subjectType)
    .where('subject_id', '=', subjectId)
    .orderBy('id')
    .execute()
}
