import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Search } from '../search/search.ts'
import { getActiveExperiment } from './experiments.ts'
import { randomRunName } from './run-names.ts'
import type { LoggedModel, Param, Tag } from './schema.ts'
import { parentOfNew, requireOwnModel } from './step-scope.ts'
import {
  deleteLoggedModelTagRow,
  findLoggedModelRow,
  insertLoggedModel,
  searchLoggedModelRows,
  toLoggedModels,
  updateLoggedModelRow,
  upsertLoggedModelValues,
} from './store-logged-models.ts'
import type { LoggedModelRow, LoggedModelStatus } from './tables.ts'

/** A model that a run has made, before anyone registers it. */
export async function createLoggedModel(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: Caller & {
    experimentId: string
    name?: string | undefined
    modelType?: string | undefined
    sourceRunId?: string | undefined
    params?: readonly Param[]
    tags?: readonly Tag[]
  },
): Promise<LoggedModel> {
  const { projectId, actor, params = [], tags = [] } = input
  requirePermission(actor, 'record', projectId)
  if (input.name !== undefined) requireName(input.name)
  const sourceRunId = await parentOfNew(db.read, input, input.sourceRunId)
  const id = `m-${ids.hex32()}`
  const nowMs = clock.now()
  await db.write(async (trx) => {
    const experiment = await getActiveExperiment(trx, projectId, input.experimentId, nowMs)
    await insertLoggedModel(trx, {
      id,
      project_id: projectId,
      experiment_id: experiment.id,
      name: input.name || randomRunName(id.slice(2)),
      model_type: input.modelType ?? null,
      source_run_id: sourceRunId ?? null,
      status: 'PENDING',
      artifact_uri: `${experiment.artifact_location}/models/${id}/artifacts`,
      lifecycle: 'active',
      created_ms: nowMs,
      updated_ms: nowMs,
    })
    requireParamsKept(id, [], params)
    await upsertLoggedModelValues(trx, 'logged_model_param', { id, projectId }, params)
    await upsertLoggedModelValues(trx, 'logged_model_tag', { id, projectId }, tags)
    await audit(trx, { projectId, actor, action: 'tracking.create_logged_model', subject: id })
  })
  return await read(db.read, projectId, id)
}

export async function getLoggedModel(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, id, allowDeleted = false }: Caller & { id: string; allowDeleted?: boolean },
): Promise<LoggedModel> {
  requirePermission(actor, 'view', projectId)
  const model = await read(db.read, projectId, id)
  if (model.lifecycle === 'deleted' && !allowDeleted) throw missing(id)
  return model
}

/** Sets a model's state, deletes it softly, adds params and tags, or removes one. */
export async function updateLoggedModel(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & {
    id: string
    status?: LoggedModelStatus
    lifecycle?: 'deleted'
    params?: readonly Param[]
    tags?: readonly Tag[]
    removeTag?: string
  },
): Promise<LoggedModel> {
  const { projectId, actor, id, status, lifecycle, params = [], tags = [], removeTag } = input
  requirePermission(actor, 'record', projectId)
  await db.write(async (trx) => {
    await requireOwnModel(trx, actor, await getRow(trx, projectId, id))
    await updateLoggedModelRow(trx, id, {
      ...(status && { status }),
      ...(lifecycle && { lifecycle }),
      updated_ms: clock.now(),
    })
    if (params.length > 0) requireParamsKept(id, (await read(trx, projectId, id)).params, params)
    await upsertLoggedModelValues(trx, 'logged_model_param', { id, projectId }, params)
    await upsertLoggedModelValues(trx, 'logged_model_tag', { id, projectId }, tags)
    if (removeTag !== undefined && !(await deleteLoggedModelTagRow(trx, id, removeTag)))
      throw new AppError('not_found', `No tag with key ${removeTag} found for model with id ${id}.`)
    await audit(trx, { projectId, actor, action: 'tracking.update_logged_model', subject: id })
  })
  return await read(db.read, projectId, id)
}

/** Writes a tag anew from what it says, in a transaction of the caller; two at once come one after the other. */
export async function rewriteLoggedModelTag(
  trx: Trx,
  { projectId, actor, id, key, nowMs }: Caller & { id: string; key: string; nowMs: number },
  rewrite: (value: string | undefined) => string,
): Promise<void> {
  requirePermission(actor, 'record', projectId)
  await requireOwnModel(trx, actor, await getRow(trx, projectId, id))
  await updateLoggedModelRow(trx, id, { updated_ms: nowMs })
  const { tags } = await read(trx, projectId, id)
  const value = rewrite(tags.find((tag) => tag.key === key)?.value)
  await upsertLoggedModelValues(trx, 'logged_model_tag', { id, projectId }, [{ key, value }])
}

export async function searchLoggedModels(
  { db }: Pick<Context, 'db'>,
  input: Caller & Search & { experimentIds: readonly string[] },
): Promise<{ models: LoggedModel[]; nextPageToken?: string }> {
  requirePermission(input.actor, 'view', input.projectId)
  const { rows, ...next } = await searchLoggedModelRows(db.read, db.dialect, input)
  return { models: await toLoggedModels(db.read, rows), ...next }
}

async function read(at: Queryable, projectId: string, id: string): Promise<LoggedModel> {
  return (await toLoggedModels(at, [await getRow(at, projectId, id)]))[0]!
}

async function getRow(at: Queryable, projectId: string, id: string): Promise<LoggedModelRow> {
  const row = await findLoggedModelRow(at, projectId, id)
  if (!row) throw missing(id)
  return row
}

function missing(id: string): AppError {
  return new AppError('not_found', `Logged model with ID '${id}' not found.`, {
    details: { loggedModelId: id },
  })
}

function requireName(name: string): void {
  if (name === '' || /[/:.%"']/.test(name))
    throw new AppError(
      'invalid',
      `Invalid model name '${name}': it must not be empty or hold any of / : . % " '`,
    )
}

/** A param keeps the value that it was given first; the same value again is no error. */
function requireParamsKept(id: string, known: readonly Param[], added: readonly Param[]): void {
  const values = new Map(known.map(({ key, value }) => [key, value]))
  for (const { key, value } of added) {
    const first = values.get(key) ?? value
    if (first !== value)
      throw new AppError(
        'invalid',
        `Changing param values is not allowed. Param with key='${key}' was already logged with value='${first}' for logged model with ID='${id}'. Attempted logging new value '${value}'.`,
        { details: { loggedModelId: id, key } },
      )
    values.set(key, first)
  }
}
