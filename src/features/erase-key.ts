import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { onlineView } from './schema.ts'
import { listDefinitions, listViewsOfEntity } from './store.ts'

/** The column that holds the keys of an entity. Throws `not_found`, with the entities there are. */
export async function entityKeyColumn(
  { db }: Pick<Context, 'db'>,
  { projectId, entity }: { projectId: string; entity: string },
): Promise<string> {
  const rows = await listDefinitions(db.read, projectId, 'entity')
  const found = rows.find(({ name }) => name === entity)
  if (found) return (JSON.parse(found.definition_json) as { key: string }).key
  const names = rows.map(({ name }) => name).join(', ')
  throw new AppError(
    'not_found',
    `There is no entity ${entity}; ${names === '' ? 'the project declares none' : `there is ${names}`}`,
  )
}

/** Views of an entity, of whatever definition, that have online values for one of these keys. */
export async function viewsWithKey(
  { db, online }: Pick<Context, 'db' | 'online'>,
  { projectId, entity, values }: { projectId: string; entity: string; values: readonly string[] },
): Promise<{ name: string; view: string; keys: number }[]> {
  const views = await listViewsOfEntity(db.read, projectId, entity)
  const names = views.map(({ spec }) => onlineView(projectId, spec))
  const rows = await online.read(names.map((view) => ({ view, entityKeys: values })))
  return views
    .map(({ spec }, index) => ({
      name: spec.view,
      view: names[index]!,
      keys: rows[index]!.filter((row) => row !== undefined).length,
    }))
    .filter(({ keys }) => keys > 0)
}

/** Takes the online values of keys out of every view of an entity. */
export async function eraseOnline(
  { db, online }: Pick<Context, 'db' | 'online'>,
  { projectId, entity, values }: { projectId: string; entity: string; values: readonly string[] },
): Promise<void> {
  for (const { spec } of await listViewsOfEntity(db.read, projectId, entity))
    await online.erase(onlineView(projectId, spec), values)
}
