import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import type { DatasetSummary } from '../summaries/schema.ts'
import { onlineView } from '../features/schema.ts'
import { listSummaries, upsertSummary } from './store-summaries.ts'
import { listDefinitions, listViewsOfEntity } from '../features/features.ts'

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

/** Takes the online values of keys out of every view of an entity, and what only one row has out of the views' summaries. */
export async function eraseOnline(
  { db, online, clock }: Pick<Context, 'db' | 'online' | 'clock'>,
  { projectId, entity, values }: { projectId: string; entity: string; values: readonly string[] },
): Promise<void> {
  for (const { spec } of await listViewsOfEntity(db.read, projectId, entity)) {
    await online.erase(onlineView(projectId, spec), values)
    for (const made of await listSummaries(db.read, { projectId, spec, limit: Number.MAX_SAFE_INTEGER })) {
      const summary = withoutSingles(made.summary)
      await db.write((trx) => upsertSummary(trx, { ...made, projectId, spec, summary, nowMs: clock.now() }))
    }
  }
}

/** A text that one row has may be that person's. */
function withoutSingles(summary: DatasetSummary): DatasetSummary {
  const columns = summary.columns.map((column) => {
    if (column.kind !== 'category') return column
    return { ...column, min: null, max: null, top: column.top.filter(({ count }) => count > 1) }
  })
  return { ...summary, columns }
}
