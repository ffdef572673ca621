import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Subject } from './schema.ts'
import type { CommentRow } from './tables.ts'

export async function insertComment(trx: Trx, row: CommentRow): Promise<void> {
  await trx.insertInto('comment').values(row).execute()
}

/** Throws `not_found`, also for a deleted one. */
export async function getCommentRow(at: Queryable, projectId: string, id: string): Promise<CommentRow> {
  const row = await at
    .selectFrom('comment')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .where('deleted_ms', 'is', null)
    .executeTakeFirst()
  if (row) return row
  throw new AppError('not_found', `There is no comment ${id}`, { details: { id } })
}

export async function updateComment(
  trx: Trx,
  id: string,
  change: Partial<Pick<CommentRow, 'body' | 'edited_ms' | 'deleted_ms'>>,
): Promise<void> {
  await trx.updateTable('comment').set(change).where('id', '=', id).execute()
}

/** Of one subject, oldest first, deleted ones included. */
export async function listCommentRows(
  at: Queryable,
  {
    projectId,
    subject,
    limit,
    after,
  }: { projectId: string; subject: Subject; limit: number; after?: string | undefined },
): Promise<CommentRow[]> {
  return await at
    .selectFrom('comment')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('subject_type', '=', subject.subjectType)
    .where('subject_id', '=', subject.subjectId)
    .$if(after !== undefined, (query) => query.where('id', '>', after!))
    .orderBy('id')
    .limit(limit)
    .execute()
}
