import { holdVersion } from '../data/data.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Search } from '../search/search.ts'
import type { ImportReport, PythonModel, Signature } from '../model-files/schema.ts'
import type { Tag } from '../tracking/schema.ts'
import { requireOwn, rewriteLoggedModelTag } from '../tracking/tracking.ts'
import { ensureModel } from './models.ts'
import type { FeatureServiceReference, Lineage, ModelVersion, RegisteredModel } from './schema.ts'
import { requireHoldsNone, requireMayStage } from './protection.ts'
import {
  VERSION_TAGS,
  deleteAliasesOfVersion,
  deleteTag,
  drawVersion,
  findVersionByRegistration,
  findVersionRowById,
  getModelRow,
  getVersionRow,
  insertVersion,
  listAliases,
  listLatestVersionRows,
  listTags,
  listVersionRows,
  lockModelRow,
  toVersion,
  updateModelRow,
  updateVersionRow,
  upsertTag,
} from './store.ts'
import { insertServedViews, serviceId } from './store-lineage.ts'
import { searchVersionRows } from './store-search.ts'
import type { ModelVersionRow, RegisteredModelRow, Stage } from './tables.ts'
import { requireUnused, type ListVersionUses } from './uses.ts'

const MODEL_VERSIONS_TAG = 'mlflow.modelVersions'

export interface RegisterVersion extends Caller {
  model: string
  /** Where it came from, for people: a URI, or `pipeline:<run>`. */
  source: string
  storageLocation?: string | undefined
  /** Makes registration repeatable: the same key gives the same version. */
  registrationKey?: string | undefined
  description?: string | undefined
  runId?: string | undefined
  runLink?: string | undefined
  loggedModelId?: string | undefined
  task?: string | undefined
  signature?: Signature | undefined
  /** The stored ONNX graph. */
  onnx?: StoredBlob | undefined
  featureService?: FeatureServiceReference | undefined
  codeSnapshot?: string | undefined
  /** The stored reference profile (`reference-profile.ts`). */
  layout?: StoredBlob | undefined
  lineage?: Lineage | undefined
  importReport?: ImportReport | undefined
  /** Its files must be stored already. */
  python?: PythonModel | undefined
  /** Why it can't be served. */
  problem?: string | undefined
  tags?: readonly Tag[] | undefined
  /** Default: the model must exist. */
  createModel?: boolean
}

/** Adds a version with the next number. Its blobs must be stored already; this makes them part of the system. */
export async function registerVersion(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: RegisterVersion,
): Promise<ModelVersion> {
  const { projectId, actor, tags = [] } = input
  requirePermission(actor, 'record', projectId)
  const runId = input.runId ?? actor.step?.runId
  await requireOwn(db.read, input, { what: `the run ${runId}`, runId })
  const nowMs = clock.now()
  const version = await db.write(async (trx) => {
    const model = input.createModel
      ? await ensureModel(trx, { id: ids.uuid(), projectId, name: input.model, nowMs })
      : await getModelRow(trx, projectId, input.model)
    const known =
      input.registrationKey && (await findVersionByRegistration(trx, model.id, input.registrationKey))
    if (known) return known.version
    const number = await drawVersion(trx, model.id, nowMs)
    for (const blob of [input.onnx, input.layout])
      if (blob) await recordBlob(trx, { projectId, blob, nowMs: await db.wallTime(trx) })
    const row = versionRow({ ...input, runId }, { id: ids.uuid(), model, version: number, nowMs })
    if (row.dataset_version_id !== null && !(await holdVersion(trx, row.dataset_version_id)))
      throw new AppError('conflict', `The dataset version ${row.dataset_version_id} was deleted by retention`)
    await insertVersion(trx, row)
    if (input.featureService) await insertServedViews(trx, projectId, input.featureService)
    for (const tag of tags) await upsertTag(trx, VERSION_TAGS, { ownerId: row.id, projectId, tag })
    if (row.logged_model_id !== null) {
      const note = { name: model.name, version: number }
      await noteOnLoggedModel(trx, { projectId, actor, id: row.logged_model_id, nowMs }, note)
    }
    const subject = `${model.name}/${number}`
    await audit(trx, {
      projectId,
      actor,
      action: 'registry.register_version',
      subject,
      detail: { source: input.source },
    })
    const payload = { model: model.name, version: number }
    await appendEvent(trx, { projectId, kind: 'model.version_created', payload, atMs: nowMs })
    return number
  })
  return await getModelVersion({ db }, { projectId, actor, model: input.model, version })
}

/** MLflow's clients read here which versions a logged model became. */
async function noteOnLoggedModel(
  trx: Trx,
  model: Caller & { id: string; nowMs: number },
  note: { name: string; version: number },
): Promise<void> {
  await rewriteLoggedModelTag(trx, { ...model, key: MODEL_VERSIONS_TAG }, (noted) =>
    JSON.stringify([...notedVersions(noted), note]),
  )
}

/** The tag is the clients' to write too, whatever they like. */
function notedVersions(noted = '[]'): unknown[] {
  try {
    const versions = JSON.parse(noted) as unknown
    return Array.isArray(versions) ? versions : []
  } catch {
    return []
  }
}

export function versionRow(
  input: RegisterVersion,
  { id, model, version, nowMs }: { id: string; model: RegisteredModelRow; version: number; nowMs: number },
): ModelVersionRow {
  const json = (value: object | undefined): string | null => (value ? JSON.stringify(value) : null)
  return {
    id,
    project_id: input.projectId,
    model_id: model.id,
    version,
    registration_key: input.registrationKey ?? null,
    stage: 'None',
    description: input.description ?? '',
    source: input.source,
    storage_location: input.storageLocation ?? null,
    run_id: input.runId ?? null,
    run_link: input.runLink ?? null,
    logged_model_id: input.loggedModelId ?? null,
    created_by: input.actor.name,
    task: input.task ?? input.signature?.task ?? model.task,
    signature_json: json(input.signature),
    onnx_sha256: input.onnx?.sha256 ?? null,
    feature_service_json: json(input.featureService),
    feature_service_id: input.featureService ? serviceId(input.featureService) : null,
    code_snapshot: input.codeSnapshot ?? null,
    layout_sha256: input.layout?.sha256 ?? null,
    import_json: json(input.importReport),
    problem: input.problem ?? null,
    python_json: json(input.python),
    dataset_version_id: input.lineage?.datasetVersionId ?? null,
    pipeline_run_id: input.lineage?.pipelineRunId ?? null,
    execution_id: input.lineage?.executionId ?? null,
    project_version_id: input.lineage?.projectVersionId ?? null,
    deleted_ms: null,
    created_ms: nowMs,
    updated_ms: nowMs,
  }
}

/** Throws `not_found` for a version that is deleted or never was. */
export async function getModelVersion(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, model, version }: Caller & { model: string; version: number },
): Promise<ModelVersion> {
  requirePermission(actor, 'view', projectId)
  const modelRow = await getModelRow(db.read, projectId, model)
  const row = await getVersionRow(db.read, modelRow, version)
  return (await withBelongings(db.read, [{ ...row, model_name: modelRow.name }]))[0]!
}

/** By its id, also when it is deleted: what was logged under it stays readable. */
export async function getModelVersionById(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<ModelVersion> {
  requirePermission(actor, 'view', projectId)
  const row = await findVersionRowById(db.read, projectId, id)
  if (!row) throw new AppError('not_found', `There is no model version with id ${id}`, { details: { id } })
  return (await withBelongings(db.read, [row]))[0]!
}

/** Versions of a model, newest first. */
export async function listModelVersions(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, model, limit = 1000 }: Caller & { model: string; limit?: number },
): Promise<ModelVersion[]> {
  requirePermission(actor, 'view', projectId)
  const row = await getModelRow(db.read, projectId, model)
  const rows = await listVersionRows(db.read, [row.id], limit)
  return await withBelongings(
    db.read,
    rows.map((version) => ({ ...version, model_name: row.name })),
  )
}

/** The newest version of each stage of these models, by the name of the model. */
export async function listLatestVersions(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, models }: Caller & { models: readonly Pick<RegisteredModel, 'id'>[] },
): Promise<Map<string, ModelVersion[]>> {
  requirePermission(actor, 'view', projectId)
  const rows = await listLatestVersionRows(
    db.read,
    models.map(({ id }) => id),
  )
  return Map.groupBy(await withBelongings(db.read, rows), ({ model }) => model)
}

export async function searchModelVersions(
  { db }: Pick<Context, 'db'>,
  input: Caller & Search,
): Promise<{ versions: ModelVersion[]; nextPageToken?: string }> {
  requirePermission(input.actor, 'view', input.projectId)
  const { rows, ...next } = await searchVersionRows(db.read, db.dialect, input)
  return { versions: await withBelongings(db.read, rows), ...next }
}

export async function updateModelVersion(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & {
    model: string
    version: number
    description?: string
    stage?: Stage
    archiveOthers?: boolean
  },
): Promise<ModelVersion> {
  const { projectId, actor, model, version, description, stage } = input
  requirePermission(actor, stage === undefined ? 'record' : 'contribute', projectId)
  const nowMs = clock.now()
  await db.write(async (trx) => {
    const modelRow = await lockModelRow(trx, projectId, model)
    const row = await getVersionRow(trx, modelRow, version)
    await requireOwn(trx, input, { what: `${model}/${version}`, runId: row.run_id })
    if (stage !== undefined) await requireMayStage(trx, { model: modelRow, version: row, stage })
    if (stage !== undefined && input.archiveOthers)
      for (const other of await listVersionRows(trx, [modelRow.id], 10_000))
        if (other.stage === stage && other.id !== row.id) {
          await requireMayStage(trx, { model: modelRow, version: other, stage: 'Archived' })
          await updateVersionRow(trx, other.id, { stage: 'Archived', updated_ms: nowMs })
        }
    const change = {
      ...(description !== undefined && { description }),
      ...(stage !== undefined && { stage }),
    }
    await updateVersionRow(trx, row.id, { ...change, updated_ms: nowMs })
    await updateModelRow(trx, modelRow.id, { updated_ms: nowMs })
    const subject = `${model}/${version}`
    await audit(trx, { projectId, actor, action: 'registry.update_version', subject, detail: { ...change } })
  })
  return await getModelVersion({ db }, { projectId, actor, model, version })
}

/** Deletes a version softly and removes its aliases; its number is not used again. Throws `conflict` while it is in use. */
export async function deleteModelVersion(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & { model: string; version: number; listUses: ListVersionUses },
): Promise<void> {
  const { projectId, actor, model, version, listUses } = input
  requirePermission(actor, 'maintain', projectId)
  await db.write(async (trx) => {
    const modelRow = await lockModelRow(trx, projectId, model)
    const row = await getVersionRow(trx, modelRow, version)
    await requireHoldsNone(trx, { model: modelRow, version, what: `${model}/${version}` })
    requireUnused(`${model}/${version}`, await listUses(trx, [row.id]))
    await deleteAliasesOfVersion(trx, modelRow.id, version)
    await updateVersionRow(trx, row.id, { deleted_ms: clock.now(), updated_ms: clock.now() })
    await audit(trx, { projectId, actor, action: 'registry.delete_version', subject: `${model}/${version}` })
  })
}

/** Sets a tag, or removes it when it is given without a value. */
export async function tagModelVersion(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & { model: string; version: number; tag: { key: string; value?: string } },
): Promise<void> {
  const { projectId, actor, model, version } = input
  requirePermission(actor, 'record', projectId)
  await db.write(async (trx) => {
    const row = await getVersionRow(trx, await getModelRow(trx, projectId, model), version)
    await requireOwn(trx, input, { what: `${model}/${version}`, runId: row.run_id })
    const { key, value } = input.tag
    if (value === undefined) await deleteTag(trx, VERSION_TAGS, row.id, key)
    else await upsertTag(trx, VERSION_TAGS, { ownerId: row.id, projectId, tag: { key, value } })
    const subject = `${model}/${version}`
    await audit(trx, { projectId, actor, action: 'registry.tag_version', subject, detail: { ...input.tag } })
    const about = { projectId, atMs: clock.now() }
    const payload = { model, version, key }
    if (value === undefined) await appendEvent(trx, { ...about, kind: 'model.version_tag_deleted', payload })
    else await appendEvent(trx, { ...about, kind: 'model.version_tag_set', payload: { ...payload, value } })
  })
}

async function withBelongings(
  at: Queryable,
  rows: readonly (ModelVersionRow & { model_name: string })[],
): Promise<ModelVersion[]> {
  const aliases = await listAliases(at, [...new Set(rows.map((row) => row.model_id))])
  const tags = await listTags(
    at,
    VERSION_TAGS,
    rows.map((row) => row.id),
  )
  return rows.map((row) =>
    toVersion(row, {
      model: row.model_name,
      aliases: aliases
        .filter((alias) => alias.model_id === row.model_id && alias.version === row.version)
        .map(({ alias }) => alias),
      tags: tags.filter((tag) => tag.owner === row.id).map(({ key, value }) => ({ key, value })),
    }),
  )
}
