import type { Context } from '../http/context.ts'
import { renderMarkdown } from '../http/markdown.ts'
import { appendEvent } from '../jobs/events.ts'
import { mayActor, requirePermission, type Actor, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import type { Comment, Subject } from './schema.ts'
import { getCommentRow, insertComment, listCommentRows, updateComment } from './store-comments.ts'
import type { CommentRow } from './tables.ts'

type Writes = Pick<Context, 'db' | 'clock'>

/** Says something about a subject. Whether the subject exists is for the caller to know. */
export async function addComment(
  { db, clock, ids }: Writes & Pick<Context, 'ids'>,
  { projectId, actor, body, subjectType, subjectId }: Caller & Subject & { body: string },
): Promise<Comment> {
  requirePermission(actor, 'contribute', projectId)
  const row: CommentRow = {
    id: ids.uuid(),
    project_id: projectId,
    subject_type: subjectType,
    subject_id: subjectId,
    author_id: actor.id,
    author_name: actor.name,
    body: requireBody(body),
    created_ms: clock.now(),
    edited_ms: null,
    deleted_ms: null,
  }
  await db.write(async (trx) => {
    await insertComment(trx, row)
    await tell({ clock }, trx, { row, actor, action: 'governance.comment' })
  })
  return toComment(row, actor)
}

/** Only who wrote it may change it. */
export async function editComment(
  { db, clock }: Writes,
  { projectId, actor, id, body }: Caller & { id: string; body: string },
): Promise<Comment> {
  requirePermission(actor, 'contribute', projectId)
  return await db.write(async (trx) => {
    const row = await getCommentRow(trx, projectId, id)
    if (row.author_id !== actor.id)
      throw new AppError('denied', `${actor.name} may not edit this comment: ${row.author_name} wrote it`)
    const change = { body: requireBody(body), edited_ms: clock.now() }
    await updateComment(trx, id, change)
    await tell({ clock }, trx, { row, actor, action: 'governance.edit_comment', before: row.body })
    return toComment({ ...row, ...change }, actor)
  })
}

/** Its author or a maintainer may; that there was one stays to be seen, its text does not. */
export async function deleteComment(
  { db, clock }: Writes,
  { projectId, actor, id }: Caller & { id: string },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    const row = await getCommentRow(trx, projectId, id)
    if (!mayDelete(row, actor))
      throw new AppError(
        'denied',
        `${actor.name} may not delete this comment: its author ${row.author_name} or a maintainer may`,
      )
    await updateComment(trx, id, { deleted_ms: clock.now() })
    await tell({ clock }, trx, { row, actor, action: 'governance.delete_comment' })
  })
}

/** Oldest first; `after` is the id of the last one of the page before. */
export async function listComments(
  { db }: Pick<Context, 'db'>,
  {
    projectId,
    actor,
    limit,
    after,
    ...subject
  }: Caller & Subject & { limit: number; after?: string | undefined },
): Promise<Comment[]> {
  requirePermission(actor, 'view', projectId)
  const rows = await listCommentRows(db.read, { projectId, subject, limit, after })
  return rows.map((row) => toComment(row, actor))
}

async function tell(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  { row, actor, action, before }: { row: CommentRow; actor: Actor; action: string; before?: string },
): Promise<void> {
  const { project_id: projectId, subject_type: subjectType, subject_id: subjectId, id: commentId } = row
  const detail = { commentId, ...(before !== undefined && { before }) }
  await audit(trx, { projectId, actor, action, subject: `${subjectType} ${subjectId}`, detail })
  const payload = { subjectType, subjectId, commentId }
  await appendEvent(trx, { projectId, kind: 'comment.changed', payload, atMs: clock.now() })
}

function requireBody(body: string): string {
  if (body.trim() === '') throw new AppError('invalid', 'A comment needs a text')
  return body
}

function mayDelete(row: CommentRow, actor: Actor): boolean {
  return row.author_id === actor.id || mayActor(actor, 'maintain', row.project_id)
}

function toComment(row: CommentRow, actor: Actor): Comment {
  const isDeleted = row.deleted_ms !== null
  return {
    id: row.id,
    subjectType: row.subject_type as Subject['subjectType'],
    subjectId: row.subject_id,
    author: row.author_name,
    body: isDeleted ? '' : row.body,
    html: isDeleted ? '' : renderMarkdown(row.body, { below: 2 }),
    createdMs: row.created_ms,
    ...(row.edited_ms !== null && { editedMs: row.edited_ms }),
    ...(row.deleted_ms !== null && { deletedMs: row.deleted_ms }),
    mayEdit: !isDeleted && row.author_id === actor.id,
    mayDelete: !isDeleted && mayDelete(row, actor),
  }
}
