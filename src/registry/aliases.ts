import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import type { Caller } from './models.ts'
import type { ModelVersion } from './schema.ts'
import { deleteAliasRow, getModelRow, getVersionRow, listAliases, upsertAlias } from './store.ts'
import { getModelVersion } from './versions.ts'

/** The version that is deployed, and the one that should take its place. */
export const CHAMPION = 'champion'
export const CHALLENGER = 'challenger'

export interface SetAlias extends Caller {
  model: string
  alias: string
  version: number
  /** Who asks, as the event tells it: `mlflow`, `rest`, `pipeline`, `rollout`. */
  source: string
}

/** Points an alias at a version and tells of it by `model.alias_set`; what follows is decided by who listens. */
export async function setAlias(context: Pick<Context, 'db' | 'clock'>, input: SetAlias): Promise<void> {
  await context.db.write((trx) => setAliasIn(context, trx, input))
}

/** The same inside a transaction of the caller. */
export async function setAliasIn(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  { projectId, actor, model, alias, version, source }: SetAlias,
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  requireAliasName(alias)
  const row = await getModelRow(trx, projectId, model)
  await getVersionRow(trx, row, version)
  const nowMs = clock.now()
  await upsertAlias(trx, { model_id: row.id, alias, project_id: projectId, version, updated_ms: nowMs })
  const detail = { alias, version, source }
  await audit(trx, { projectId, actor, action: 'registry.set_alias', subject: model, detail })
  await appendEvent(trx, { projectId, kind: 'model.alias_set', payload: { model, ...detail }, atMs: nowMs })
}

/** Removing an alias that is not there is no error. */
export async function deleteAlias(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, model, alias }: Caller & { model: string; alias: string },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    const row = await getModelRow(trx, projectId, model)
    if (!(await deleteAliasRow(trx, row.id, alias))) return
    await audit(trx, { projectId, actor, action: 'registry.delete_alias', subject: model, detail: { alias } })
  })
}

/** The version that an alias points at; undefined when there is no such alias. Throws `not_found` for an unknown model. */
export async function findVersionByAlias(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, model, alias }: Caller & { model: string; alias: string },
): Promise<ModelVersion | undefined> {
  requirePermission(actor, 'view', projectId)
  const row = await getModelRow(db.read, projectId, model)
  const found = (await listAliases(db.read, [row.id])).find((candidate) => candidate.alias === alias)
  return found && (await getModelVersion({ db }, { projectId, actor, model, version: found.version }))
}

function requireAliasName(alias: string): void {
  if (alias === '' || !/^[\w-]+$/.test(alias))
    throw new AppError(
      'invalid',
      `Invalid alias name: '${alias}'. It may hold letters, digits, underscores and dashes.`,
    )
  if (alias.length > 255) throw new AppError('invalid', 'An alias may have 255 characters')
  if (/^v\d+$/i.test(alias))
    throw new AppError('invalid', `Version alias name '${alias}' is reserved: it looks like a version number`)
  if (alias.toLowerCase() === 'latest')
    throw new AppError('invalid', "'latest' alias name (case insensitive) is reserved.")
}
