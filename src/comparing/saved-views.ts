import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import type { SavedView, ViewPage } from './schema.ts'
import { deleteSavedViewRow, findSavedView, insertSavedView, listSavedViewRows } from './store-views.ts'
import type { SavedViewRow } from './tables.ts'

const MAX_VIEWS = 500

/** The views that people of the project saved of a page, by name. */
export async function listSavedViews(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, page }: Caller & { page: ViewPage },
): Promise<SavedView[]> {
  requirePermission(actor, 'view', projectId)
  return (await listSavedViewRows(db.read, projectId, page)).map(toSavedView)
}

/** Gives the state of a page a name. Throws `already_exists` for a name that is taken. */
export async function saveView(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  { projectId, actor, ...view }: Caller & Pick<SavedView, 'page' | 'name' | 'query'>,
): Promise<SavedView> {
  requirePermission(actor, 'contribute', projectId)
  const row: SavedViewRow = {
    id: ids.uuid(),
    project_id: projectId,
    ...view,
    actor_id: actor.id,
    created_ms: clock.now(),
  }
  try {
    await db.write(async (trx) => {
      if ((await listSavedViewRows(trx, projectId, view.page)).length >= MAX_VIEWS)
        throw new AppError('invalid', `A page may have ${MAX_VIEWS} saved views; delete one first`)
      await insertSavedView(trx, row)
      const detail = { page: view.page, name: view.name }
      await audit(trx, { projectId, actor, action: 'tracking.save_view', subject: row.id, detail })
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new AppError('already_exists', `There is a view called ${view.name} already`, { cause: error })
  }
  return toSavedView(row)
}

/** Whoever saved a view may delete it, and whoever maintains the project. */
export async function deleteSavedView(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    const row = await findSavedView(trx, projectId, id)
    if (!row) throw new AppError('not_found', `There is no saved view ${id}`)
    if (row.actor_id !== actor.id) requirePermission(actor, 'maintain', projectId)
    await deleteSavedViewRow(trx, id)
    const detail = { page: row.page, name: row.name }
    await audit(trx, { projectId, actor, action: 'tracking.delete_view', subject: id, detail })
  })
}

function toSavedView(row: SavedViewRow): SavedView {
  return {
    id: row.id,
    page: row.page as ViewPage,
    name: row.name,
    query: row.query,
    actor: row.actor_id,
    createdMs: row.created_ms,
  }
}
