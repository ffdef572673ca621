import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { VersionUse } from './schema.ts'
import { getVersionRow, lockModelRow } from './store.ts'

/** Of these model versions, those that a room above needs. Asked while the model's row is held: who begins to need one holds it too. */
export type ListVersionUses = (at: Queryable, ids: readonly string[]) => Promise<VersionUse[]>

/**
 * Call it at the end of the transaction that begins to need a version: who would delete it waits, and sees that it is in use. Throws `not_found`
 * when it was deleted meanwhile.
 */
export async function holdModelVersion(
  trx: Trx,
  { projectId, model, version }: { projectId: string; model: string; version: number },
): Promise<void> {
  await getVersionRow(trx, await lockModelRow(trx, projectId, model), version)
}

/** Throws `conflict` with the first of what needs it and what to do. */
export function requireUnused(subject: string, uses: readonly VersionUse[]): void {
  const [first, ...others] = uses
  if (!first) return
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  throw new AppError('conflict', `${subject} can't be deleted: ${first.what}${more}. ${first.instead}`, {
    details: { uses: uses.map(({ what }) => what) },
  })
}
