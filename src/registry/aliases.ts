import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { requireOwn } from '../tracking/tracking.ts'
import { requireAliasCharacters, requireAliasName } from './alias-names.ts'
import { requireMayMove, type Force } from './protection.ts'
import type { ModelVersion } from './schema.ts'
import {
  deleteAliasRow,
  getModelRow,
  getVersionRow,
  listAliases,
  lockModelRow,
  upsertAlias,
} from './store.ts'
import type { RegisteredModelRow } from './tables.ts'
import { getModelVersion } from './versions.ts'

export interface SetAlias extends Caller {
  model: string
  alias: string
  version: number
  /** Who asks, as the event tells it: `mlflow`, `rest`, `pipeline`, `rollout`. */
  source: string
  force?: Force | undefined
}

/**
 * Points an alias at a version and tells of it by `model.alias_set`; what follows is decided by who listens. Throws `denied` for a protected
 * alias, unless an administrator forces it.
 */
export async function setAlias(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, model, alias, version, source, force }: SetAlias,
): Promise<void> {
  requirePermission(actor, 'record', projectId)
  requireAliasName(alias)
  await db.write(async (trx) => {
    const row = await lockModelRow(trx, projectId, model)
    const { run_id: runId } = await getVersionRow(trx, row, version)
    await requireOwn(trx, { projectId, actor }, { what: `${model}/${version}`, runId })
    const forced = await requireMayMove(trx, { model: row, alias, to: version, actor, force })
    const detail = forced ? { forced: force!.reason } : {}
    await pointAlias({ clock }, trx, { model: row, actor, alias, version, source, detail })
  })
}

/** Writes where an alias points, with audit and event. Who calls has asked whether it may. */
export async function pointAlias(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  input: Pick<SetAlias, 'actor' | 'alias' | 'version' | 'source'> & {
    model: RegisteredModelRow
    promotionId?: string
    detail?: JsonObject
  },
): Promise<void> {
  const { model, actor, alias, version, source, promotionId } = input
  const projectId = model.project_id
  const nowMs = clock.now()
  await upsertAlias(trx, {
    model_id: model.id,
    alias,
    project_id: projectId,
    version,
    updated_ms: nowMs,
    set_by: actor.name,
    promotion_id: promotionId ?? null,
  })
  const told = { alias, version, source }
  const detail = { ...told, ...(promotionId !== undefined && { promotionId }), ...input.detail }
  await audit(trx, { projectId, actor, action: 'registry.set_alias', subject: model.name, detail })
  const payload = { model: model.name, ...told }
  await appendEvent(trx, { projectId, kind: 'model.alias_set', payload, atMs: nowMs })
}

/** Removing an alias that is not there is no error. Throws `denied` for a protected one, unless an administrator forces it. */
export async function deleteAlias(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  {
    projectId,
    actor,
    model,
    alias,
    force,
  }: Caller & { model: string; alias: string; force?: Force | undefined },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  requireAliasCharacters(alias)
  await db.write(async (trx) => {
    const row = await lockModelRow(trx, projectId, model)
    const forced = await requireMayMove(trx, { model: row, alias, to: undefined, actor, force })
    if (!(await deleteAliasRow(trx, row.id, alias))) return
    const detail = { alias, ...(forced && { forced: force!.reason }) }
    await audit(trx, { projectId, actor, action: 'registry.delete_alias', subject: model, detail })
    const payload = { model, alias }
    await appendEvent(trx, { projectId, kind: 'model.alias_deleted', payload, atMs: clock.now() })
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
