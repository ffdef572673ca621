import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { localOwner, type Actor } from '../kernel/actor.ts'
import { addComment, deleteComment, editComment, listComments } from './governance.ts'

function user(name: string, role: 'viewer' | 'contributor' | 'maintainer'): Actor {
  return { id: `user:${name}`, kind: 'user', name, grants: { [PROJECT_ID]: role } }
}

const alice = user('alice', 'contributor')
const bob = user('bob', 'contributor')
const about = { projectId: PROJECT_ID, subjectType: 'model_version', subjectId: 'late/3' } as const

describeDatabases('comments', (open) => {
  test('what was said is listed oldest first, in pages, as Markdown and as HTML', async () => {
    const context = await open()
    for (const body of ['**one**', 'two', 'three'])
      await addComment(context, { ...about, actor: alice, body })
    await addComment(context, { ...about, subjectId: 'late/4', actor: alice, body: 'elsewhere' })
    const first = await listComments(context, { ...about, actor: bob, limit: 2 })
    expect(first).toMatchObject([
      {
        author: 'alice',
        body: '**one**',
        html: '<p><strong>one</strong></p>\n',
        mayEdit: false,
        mayDelete: false,
      },
      { body: 'two' },
    ])
    const rest = await listComments(context, { ...about, actor: bob, limit: 2, after: first[1]!.id })
    expect(rest.map(({ body }) => body)).toEqual(['three'])
    expect(
      await listComments(context, { ...about, projectId: 'other', actor: localOwner, limit: 9 }),
    ).toEqual([])
  })

  test('only its author edits a comment, and the audit keeps what it said before', async () => {
    const context = await open()
    const { id } = await addComment(context, { ...about, actor: alice, body: 'looks wrong' })
    const edit = { projectId: PROJECT_ID, id, body: 'looks right' }
    await expect(editComment(context, { ...edit, actor: bob })).rejects.toMatchObject({ code: 'denied' })
    await expect(editComment(context, { ...edit, actor: localOwner })).rejects.toMatchObject({
      code: 'denied',
    })
    context.clock.set(context.clock.now() + 5000)
    const edited = await editComment(context, { ...edit, actor: alice })
    expect(edited).toMatchObject({ body: 'looks right', editedMs: context.clock.now(), mayEdit: true })
    const audited = await context.db.read.selectFrom('audit').selectAll().orderBy('seq', 'desc').execute()
    expect(audited[0]).toMatchObject({ action: 'governance.edit_comment', actor_name: 'alice' })
    expect(JSON.parse(audited[0]!.detail_json)).toMatchObject({ before: 'looks wrong' })
  })

  test('a deleted comment leaves its place but not its text, and can’t be changed again', async () => {
    const context = await open()
    const { id } = await addComment(context, { ...about, actor: alice, body: 'secret' })
    await expect(deleteComment(context, { projectId: PROJECT_ID, id, actor: bob })).rejects.toMatchObject({
      code: 'denied',
    })
    await deleteComment(context, { projectId: PROJECT_ID, id, actor: user('carol', 'maintainer') })
    const [left] = await listComments(context, { ...about, actor: alice, limit: 9 })
    expect(left).toMatchObject({
      body: '',
      html: '',
      deletedMs: context.clock.now(),
      mayEdit: false,
      mayDelete: false,
    })
    await expect(
      editComment(context, { projectId: PROJECT_ID, id, body: 'x', actor: alice }),
    ).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('a viewer reads and does not write, an empty comment is refused, and each change is told', async () => {
    const context = await open()
    const viewer = user('vera', 'viewer')
    await expect(addComment(context, { ...about, actor: viewer, body: 'x' })).rejects.toMatchObject({
      code: 'denied',
    })
    await expect(addComment(context, { ...about, actor: alice, body: '  \n' })).rejects.toMatchObject({
      code: 'invalid',
    })
    expect(await listComments(context, { ...about, actor: viewer, limit: 9 })).toEqual([])
    const { id } = await addComment(context, { ...about, actor: alice, body: 'x' })
    await deleteComment(context, { projectId: PROJECT_ID, id, actor: alice })
    const events = await context.db.read.selectFrom('event').selectAll().orderBy('seq').execute()
    expect(events.map(({ kind, payload_json }) => [kind, JSON.parse(payload_json)])).toEqual([
      ['comment.changed', { subjectType: 'model_version', subjectId: 'late/3', commentId: id }],
      ['comment.changed', { subjectType: 'model_version', subjectId: 'late/3', commentId: id }],
    ])
  })
})
