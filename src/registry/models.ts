import { audit, requireOwner } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import type { Search } from '../search/search.ts'
import type { GateDefinition, ModelDefinition } from './definition.ts'
import { GateDefinition as GateSchema } from './definition.ts'
import {
  declareProtections,
  requireHoldsNone,
  requireMayDeclare,
  requireMayOwn,
  requireMayRename,
} from './protection.ts'
import type { Tag } from '../tracking/schema.ts'
import type { RegisteredModel } from './schema.ts'
import {
  MODEL_TAGS,
  deleteModelBelongings,
  deleteTag,
  findModelRow,
  getModelRow,
  insertModel,
  listAliases,
  listTags,
  listVersionIds,
  lockModelRow,
  toModel,
  updateModelRow,
  upsertTag,
} from './store.ts'
import { searchModelRows } from './store-search.ts'
import type { RegisteredModelRow } from './tables.ts'
import { requireUnused, type ListVersionUses } from './uses.ts'

const MAX_NAME = 256

/** Throws `already_exists` for a name that is in use. A deleted model's name comes back with its version counter. */
export async function createModel(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: Caller & { name: string; description?: string | undefined; tags?: readonly Tag[] },
): Promise<RegisteredModel> {
  const { projectId, actor, name, tags = [] } = input
  requirePermission(actor, 'record', projectId)
  await db.write(async (trx) => {
    const known = await findModelRow(trx, projectId, name)
    if (known && known.deleted_ms === null) throw nameTaken(name)
    const row = await ensureModel(trx, { id: ids.uuid(), projectId, name, nowMs: clock.now() })
    await updateModelRow(trx, row.id, { description: input.description ?? '' })
    for (const tag of tags) await upsertTag(trx, MODEL_TAGS, { ownerId: row.id, projectId, tag })
    await audit(trx, { projectId, actor, action: 'registry.create_model', subject: name })
  })
  return await read(db.read, projectId, name)
}

/** The model's row, made or brought back when it is missing, with the event `model.created`. */
export async function ensureModel(
  trx: Trx,
  model: { id: string; projectId: string; name: string; nowMs: number },
): Promise<RegisteredModelRow> {
  const { projectId, name, nowMs } = model
  const known = await findModelRow(trx, projectId, name)
  if (known && known.deleted_ms === null) return known
  const row = await insertOrRevive(trx, known, model)
  await appendEvent(trx, { projectId, kind: 'model.created', payload: { model: name }, atMs: nowMs })
  return row
}

/** `known` is the model's row when it is deleted: it comes back with its version counter. */
export async function insertOrRevive(
  trx: Trx,
  known: RegisteredModelRow | undefined,
  { id, projectId, name, nowMs }: { id: string; projectId: string; name: string; nowMs: number },
): Promise<RegisteredModelRow> {
  if (known) {
    const revived = { deleted_ms: null, created_ms: nowMs, updated_ms: nowMs }
    await updateModelRow(trx, known.id, revived)
    return { ...known, ...revived }
  }
  requireNewName(name)
  const row: RegisteredModelRow = {
    id,
    project_id: projectId,
    name,
    description: '',
    task: null,
    owner: null,
    gates_json: null,
    last_version: 0,
    deleted_ms: null,
    created_ms: nowMs,
    updated_ms: nowMs,
  }
  await insertModel(trx, row)
  return row
}

/** What a project declares of its models, written in the transaction that applies the project. */
export async function applyModelDefinitions(
  { clock, ids }: Pick<Context, 'clock' | 'ids'>,
  trx: Trx,
  { projectId, actor, definitions }: Caller & { definitions: readonly ModelDefinition[] },
): Promise<void> {
  await requireMayDeclare(trx, { projectId, actor, definitions })
  for (const { name, task, description, owner, gates, protect } of definitions) {
    const nowMs = clock.now()
    const model = await ensureModel(trx, { id: ids.uuid(), projectId, name, nowMs })
    await updateModelRow(trx, model.id, {
      task,
      gates_json: JSON.stringify(gates),
      ...(description !== undefined && { description }),
      ...(owner !== undefined && { owner }),
    })
    await declareProtections(trx, { model, protect, nowMs })
  }
}

/** The gates that the project declares for a model; none when it declares none. */
export async function gatesOfModel(
  { db }: Pick<Context, 'db'>,
  { projectId, model }: { projectId: string; model: string },
): Promise<GateDefinition[]> {
  const { gates_json } = await getModelRow(db.read, projectId, model)
  return gates_json === null ? [] : GateSchema.array().parse(JSON.parse(gates_json))
}

export async function getModel(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, name }: Caller & { name: string },
): Promise<RegisteredModel> {
  requirePermission(actor, 'view', projectId)
  return await read(db.read, projectId, name)
}

export async function searchModels(
  { db }: Pick<Context, 'db'>,
  input: Caller & Search,
): Promise<{ models: RegisteredModel[]; nextPageToken?: string }> {
  requirePermission(input.actor, 'view', input.projectId)
  const { rows, ...next } = await searchModelRows(db.read, db.dialect, input)
  return { models: await withBelongings(db.read, rows), ...next }
}

export async function updateModel(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & { name: string; description?: string; owner?: string },
): Promise<RegisteredModel> {
  const { projectId, actor, name, description, owner } = input
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    const row = await lockModelRow(trx, projectId, name)
    if (owner) await requireOwner(trx, owner)
    if (owner !== undefined) await requireMayOwn(trx, { model: row, actor, owner })
    const change = {
      ...(description !== undefined && { description }),
      ...(owner !== undefined && { owner: owner || null }),
    }
    const detail = {
      ...(description !== undefined && { description }),
      ...(owner !== undefined && { owner, ownerBefore: row.owner }),
    }
    await changeModel({ clock }, trx, { model: row, actor, change, detail })
  })
  return await read(db.read, projectId, name)
}

interface RenameModel extends Caller {
  name: string
  newName: string
  /** The deployments that know the model by its name. */
  listDeployed: (at: Queryable, key: { projectId: string; model: string }) => Promise<readonly string[]>
}

/** Throws `already_exists` for a name that is in use, `conflict` while a deployment serves the model under its name. */
export async function renameModel(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, name, newName, listDeployed }: RenameModel,
): Promise<RegisteredModel> {
  requirePermission(actor, 'contribute', projectId)
  requireNewName(newName)
  try {
    await db.write(async (trx) => {
      const row = await lockModelRow(trx, projectId, name)
      if (newName !== name) {
        await requireMayRename(trx, { model: row, actor })
        requireNotDeployed(name, await listDeployed(trx, { projectId, model: name }))
      }
      await changeModel({ clock }, trx, { model: row, actor, change: { name: newName }, detail: { newName } })
    })
  } catch (error) {
    throw isUniqueViolation(error) ? nameTaken(newName, error) : error
  }
  return await read(db.read, projectId, newName)
}

function requireNotDeployed(name: string, deployments: readonly string[]): void {
  if (deployments.length === 0) return
  throw new AppError(
    'conflict',
    `${name} can't be renamed: ${deployments.join(', ')} ${deployments.length === 1 ? 'serves' : 'serve'} it by this name. Take the deployment down first, or register what comes next as a model of the new name.`,
    { details: { model: name, deployments: [...deployments] } },
  )
}

async function changeModel(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  input: {
    model: RegisteredModelRow
    actor: Caller['actor']
    change: Partial<RegisteredModelRow>
    detail: JsonObject
  },
): Promise<void> {
  const { model, actor, change, detail } = input
  const about = { projectId: model.project_id, atMs: clock.now() }
  await updateModelRow(trx, model.id, { ...change, updated_ms: about.atMs })
  await audit(trx, { ...about, actor, action: 'registry.update_model', subject: model.name, detail })
  const payload = { model: change.name ?? model.name }
  await appendEvent(trx, { ...about, kind: 'model.changed', payload })
}

/** Deletes a model with its versions, aliases and tags. Version numbers are not used again. Throws `conflict` while one of them is in use. */
export async function deleteModel(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, name, listUses }: Caller & { name: string; listUses: ListVersionUses },
): Promise<void> {
  requirePermission(actor, 'maintain', projectId)
  await db.write(async (trx) => {
    const row = await lockModelRow(trx, projectId, name)
    await requireHoldsNone(trx, { model: row, what: name })
    requireUnused(name, await listUses(trx, await listVersionIds(trx, row.id)))
    await deleteModelBelongings(trx, row.id, clock.now())
    await updateModelRow(trx, row.id, { deleted_ms: clock.now(), updated_ms: clock.now(), description: '' })
    await audit(trx, { projectId, actor, action: 'registry.delete_model', subject: name })
  })
}

/** Sets a tag, or removes it when it is given without a value. */
export async function tagModel(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, name, tag }: Caller & { name: string; tag: { key: string; value?: string } },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    const row = await getModelRow(trx, projectId, name)
    const { key, value } = tag
    if (value === undefined) await deleteTag(trx, MODEL_TAGS, row.id, key)
    else await upsertTag(trx, MODEL_TAGS, { ownerId: row.id, projectId, tag: { key, value } })
    await updateModelRow(trx, row.id, { updated_ms: clock.now() })
    await audit(trx, { projectId, actor, action: 'registry.tag_model', subject: name, detail: { ...tag } })
    const about = { projectId, atMs: clock.now() }
    if (value === undefined)
      await appendEvent(trx, { ...about, kind: 'model.tag_deleted', payload: { model: name, key } })
    else await appendEvent(trx, { ...about, kind: 'model.tag_set', payload: { model: name, key, value } })
  })
}

async function read(at: Queryable, projectId: string, name: string): Promise<RegisteredModel> {
  return (await withBelongings(at, [await getModelRow(at, projectId, name)]))[0]!
}

async function withBelongings(
  at: Queryable,
  rows: readonly RegisteredModelRow[],
): Promise<RegisteredModel[]> {
  const ids = rows.map((row) => row.id)
  const aliases = await listAliases(at, ids)
  const tags = await listTags(at, MODEL_TAGS, ids)
  return rows.map((row) =>
    toModel(
      row,
      aliases.filter((alias) => alias.model_id === row.id),
      tags.filter((tag) => tag.owner === row.id).map(({ key, value }) => ({ key, value })),
    ),
  )
}

/** Throws `invalid` unless a model can have the name. */
export function requireModelName(name: string): void {
  if (name.trim() === '' || /[/:]/.test(name))
    throw new AppError('invalid', `Invalid model name: '${name}': it must not be empty or hold / or :`)
}

function requireNewName(name: string): void {
  requireModelName(name)
  if (name.length > MAX_NAME) throw new AppError('invalid', `A model name may have ${MAX_NAME} characters`)
}

function nameTaken(name: string, cause?: unknown): AppError {
  return new AppError('already_exists', `Registered Model (name=${name}) already exists.`, {
    cause,
    details: { model: name },
  })
}
