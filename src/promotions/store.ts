import type { Updateable } from 'kysely'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { PromotionRow } from './tables.ts'

export async function insertPromotion(trx: Trx, row: PromotionRow): Promise<void> {
  await trx.insertInto('promotion').values(row).execute()
}

export type NamedPromotion = PromotionRow & { model_name: string }

/** Throws `not_found`. */
export async function getPromotionRow(at: Queryable, projectId: string, id: string): Promise<NamedPromotion> {
  const row = await named(at).where('p.project_id', '=', projectId).where('p.id', '=', id).executeTakeFirst()
  if (row) return row
  throw new AppError('not_found', `There is no promotion ${id}`, { details: { id } })
}

/** Changes the promotion that is still as it was read; false when someone else was first. */
export async function updatePromotion(
  trx: Trx,
  { id, revision }: Pick<PromotionRow, 'id' | 'revision'>,
  change: Updateable<PromotionRow>,
): Promise<boolean> {
  const row = await trx
    .updateTable('promotion')
    .set({ ...change, revision: revision + 1 })
    .where('id', '=', id)
    .where('revision', '=', revision)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

export interface PromotionFilter {
  projectId: string
  modelId?: string | undefined
  alias?: string | undefined
  version?: number | undefined
  state?: PromotionRow['state'] | undefined
  limit: number
  before?: string | undefined
}

/** Newest first. */
export async function listPromotionRows(at: Queryable, filter: PromotionFilter): Promise<NamedPromotion[]> {
  const { modelId, alias, version, state, before } = filter
  return await named(at)
    .where('p.project_id', '=', filter.projectId)
    .$if(modelId !== undefined, (query) => query.where('p.model_id', '=', modelId!))
    .$if(alias !== undefined, (query) => query.where('p.alias', '=', alias!))
    .$if(version !== undefined, (query) => query.where('p.version', '=', version!))
    .$if(state !== undefined, (query) => query.where('p.state', '=', state!))
    .$if(before !== undefined, (query) => query.where('p.id', '<', before!))
    .orderBy('p.id', 'desc')
    .limit(filter.limit)
    .execute()
}

function named(at: Queryable) {
  return at
    .selectFrom('promotion as p')
    .innerJoin('registered_model as m', 'm.id', 'p.model_id')
    .selectAll('p')
    .select('m.name as model_name')
}
