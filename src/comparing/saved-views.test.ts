import { expect, it } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { deleteSavedView, listSavedViews, saveView } from './saved-views.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
const contributor = {
  id: 'user:ada',
  kind: 'user' as const,
  name: 'ada',
  grants: { [PROJECT_ID]: 'contributor' as const },
}

describeDatabases('saved views', (open) => {
  it('are listed by name, are unique by it, and belong to their project', async () => {
    const context = await open()
    const view = { page: 'runs' as const, query: 'filter=metrics.auc+%3E+0.6' }
    await saveView(context, { ...caller, ...view, name: 'good ones' })
    await saveView(context, { ...caller, ...view, name: 'all' })
    await expect(saveView(context, { ...caller, ...view, name: 'all' })).rejects.toMatchObject({
      code: 'already_exists',
    })
    const views = await listSavedViews(context, { ...caller, page: 'runs' })
    expect(views.map(({ name, query }) => [name, query])).toEqual([
      ['all', view.query],
      ['good ones', view.query],
    ])
    expect(await listSavedViews(context, { ...caller, page: 'compare' })).toEqual([])
    expect(await listSavedViews(context, { ...caller, projectId: 'other', page: 'runs' })).toEqual([])
  })

  it('are deleted by who saved them and by maintainers, by nobody else', async () => {
    const context = await open()
    const theirs = await saveView(context, { ...caller, page: 'runs', name: 'theirs', query: '' })
    const own = { projectId: PROJECT_ID, actor: contributor }
    const mine = await saveView(context, { ...own, page: 'runs', name: 'mine', query: '' })
    await expect(deleteSavedView(context, { ...own, id: theirs.id })).rejects.toMatchObject({
      code: 'denied',
    })
    await deleteSavedView(context, { ...own, id: mine.id })
    await deleteSavedView(context, { ...caller, id: theirs.id })
    await expect(deleteSavedView(context, { ...caller, id: theirs.id })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})
