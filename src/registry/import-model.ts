import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Trx } from '../ports/db/db.ts'
import type { Tag } from '../tracking/schema.ts'
import { insertOrRevive } from './models.ts'
import { requireMayMove, requireMayStage } from './protection.ts'
import { findServable } from './servable.ts'
import {
  MODEL_TAGS,
  VERSION_TAGS,
  findModelRow,
  findVersionRow,
  getModelRow,
  insertVersion,
  lockModelRow,
  raiseLastVersion,
  updateModelRow,
  updateVersionRow,
  upsertAlias,
  upsertTag,
} from './store.ts'
import type { Stage } from './tables.ts'
import { versionRow } from './versions.ts'

export interface ImportedModel {
  name: string
  description: string
  tags: readonly Tag[]
  createdMs: number
  updatedMs: number
}

/**
 * Brings in a registered model of another system under its own name. Aliases come afterwards, and both are no news: no event tells of them,
 * so that nothing is deployed because of an import. Returns false, and changes nothing, when a model of that name is here that was not `imported` before.
 */
export async function importModel(
  { db, ids }: Pick<Context, 'db' | 'ids'>,
  input: Caller & { model: ImportedModel; imported: boolean; within: (trx: Trx) => Promise<void> },
): Promise<boolean> {
  const { projectId, actor, model } = input
  requirePermission(actor, 'maintain', projectId)
  return await db.write(async (trx) => {
    const known = await findModelRow(trx, projectId, model.name)
    if (known && known.deleted_ms === null && !input.imported) return false
    const { name, description, createdMs: created_ms, updatedMs: updated_ms } = model
    const isHere = known !== undefined && known.deleted_ms === null
    const row = isHere
      ? known
      : await insertOrRevive(trx, known, { id: ids.uuid(), projectId, name, nowMs: created_ms })
    await updateModelRow(trx, row.id, { description, created_ms, updated_ms })
    for (const tag of model.tags) await upsertTag(trx, MODEL_TAGS, { ownerId: row.id, projectId, tag })
    await input.within(trx)
    await audit(trx, { projectId, actor, action: 'registry.import_model', subject: name })
    return true
  })
}

export interface ImportedVersion {
  model: string
  version: number
  stage: Stage
  description: string
  source: string
  storageLocation?: string | undefined
  runId?: string | undefined
  runLink?: string | undefined
  loggedModelId?: string | undefined
  createdBy: string
  tags: readonly Tag[]
  createdMs: number
  updatedMs: number
}

/**
 * Brings in a version under its own number; the next one that is registered here gets a higher number. When the files at its storage location are
 * stored here and can be served, the version refers to what is served. `isStageHeld`: a protected alias keeps the version in the stage it has here.
 */
export async function importVersion(
  context: Pick<Context, 'db' | 'ids' | 'artifacts' | 'log'>,
  input: Caller & { version: ImportedVersion; within: (trx: Trx) => Promise<void> },
): Promise<{ isStageHeld: boolean }> {
  const { projectId, actor, version } = input
  const { db, ids } = context
  requirePermission(actor, 'maintain', projectId)
  const location = version.storageLocation ?? version.source
  const servable = await findServable(context, { projectId, actor, model: version.model, location })
  return await db.write(async (trx) => {
    const model = await getModelRow(trx, projectId, version.model)
    const known = await findVersionRow(trx, model.id, version.version)
    const { description, updatedMs: updated_ms } = version
    const id = known?.id ?? ids.uuid()
    const before = { version: version.version, stage: known?.stage ?? 'None' } as const
    const isStageHeld = !(await isAllowed(
      requireMayStage(trx, { model, version: before, stage: version.stage }),
    ))
    const stage = isStageHeld ? before.stage : version.stage
    if (servable.onnx)
      await recordBlob(trx, { projectId, blob: servable.onnx, nowMs: await db.wallTime(trx) })
    if (known) await updateVersionRow(trx, id, { description, stage, updated_ms })
    else {
      const row = versionRow(
        { projectId, actor, ...version, ...servable },
        { id, model, version: version.version, nowMs: version.createdMs },
      )
      await insertVersion(trx, { ...row, stage, created_by: version.createdBy, updated_ms })
    }
    for (const tag of version.tags) await upsertTag(trx, VERSION_TAGS, { ownerId: id, projectId, tag })
    await raiseLastVersion(trx, model.id, version.version)
    await input.within(trx)
    const subject = `${model.name}/${version.version}`
    await audit(trx, { projectId, actor, action: 'registry.import_version', subject })
    return { isStageHeld }
  })
}

/**
 * Points a model's aliases as the source does; aliases that only exist here stay, and so do protected ones, which are returned: they move by a
 * promotion. Numbers up to `lastVersion` are not given out again.
 */
export async function importAliases(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & {
    model: string
    aliases: readonly { alias: string; version: number }[]
    lastVersion: number
    within: (trx: Trx) => Promise<void>
  },
): Promise<{ held: string[] }> {
  const { projectId, actor, model, aliases } = input
  requirePermission(actor, 'maintain', projectId)
  return await db.write(async (trx) => {
    const row = await lockModelRow(trx, projectId, model)
    const { id } = row
    const held: string[] = []
    for (const { alias, version } of aliases) {
      if (!(await findVersionRow(trx, id, version))) continue
      if (await isAllowed(requireMayMove(trx, { model: row, alias, to: version, actor, force: undefined })))
        await upsertAlias(trx, {
          model_id: id,
          alias,
          project_id: projectId,
          version,
          updated_ms: clock.now(),
          set_by: actor.name,
          promotion_id: null,
        })
      else held.push(alias)
    }
    await raiseLastVersion(trx, id, input.lastVersion)
    await input.within(trx)
    const moved = aliases.filter(({ alias }) => !held.includes(alias))
    const detail = { aliases: moved.map(({ alias, version }) => ({ alias, version })), held }
    await audit(trx, { projectId, actor, action: 'registry.import_aliases', subject: model, detail })
    return { held }
  })
}

/** False when what was asked is denied. */
async function isAllowed(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'denied') return false
    throw error
  }
}
