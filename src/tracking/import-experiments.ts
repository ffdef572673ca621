import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import type { Trx } from '../ports/db/db.ts'
import { ensureDefaultExperiment, experimentRow } from './experiments.ts'
import { requireArtifactPath } from './keys.ts'
import type { Experiment, LoggedModel } from './schema.ts'
import { drawExperimentId, findExperimentRow, insertExperiment, upsertExperimentTags } from './store.ts'
import { upsertArtifactFile } from './store-artifacts.ts'
import { experimentExists, findLoggedModelProject, raiseExperimentCounter } from './store-import.ts'
import {
  insertLoggedModel,
  updateLoggedModelRow,
  upsertLoggedModelMetrics,
  upsertLoggedModelValues,
} from './store-logged-models.ts'

/** Ids above this come from file stores, which draw them at random: the counter never reaches them. */
const HIGHEST_COUNTED = 1_000_000_000

/** What became of an experiment: it kept its id, got another one, or is one that was here under its name. */
export interface ExperimentPlace {
  id: string
  how: 'kept' | 'renumbered' | 'merged'
  name: string
}

/**
 * Brings in an experiment of another system. `0` is the project's Default. An active experiment of the same name takes it in; the name of
 * a deleted one is not taken again, so that a number follows it.
 */
export async function importExperiment(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & {
    experiment: Pick<Experiment, 'id' | 'name' | 'lifecycle' | 'tags' | 'createdMs' | 'updatedMs'>
    /** Where an earlier import put it. */
    knownId?: string | undefined
    within: (trx: Trx, place: ExperimentPlace) => Promise<void>
  },
): Promise<ExperimentPlace> {
  const { projectId, actor, experiment } = input
  requirePermission(actor, 'maintain', projectId)
  return await db.write(async (trx) => {
    const place =
      (await knownPlace(trx, projectId, input)) ?? (await newPlace(trx, { clock }, projectId, experiment))
    await upsertExperimentTags(trx, { experimentId: place.id, projectId, tags: experiment.tags })
    await input.within(trx, place)
    const detail = { from: experiment.id, ...place }
    await audit(trx, { projectId, actor, action: 'tracking.import_experiment', subject: place.id, detail })
    return place
  })
}

async function knownPlace(
  trx: Trx,
  projectId: string,
  { knownId, experiment }: { knownId?: string | undefined; experiment: { id: string } },
): Promise<ExperimentPlace | undefined> {
  const row = knownId && (await findExperimentRow(trx, { projectId, id: knownId }))
  return row
    ? { id: row.id, name: row.name, how: row.id === experiment.id ? 'kept' : 'renumbered' }
    : undefined
}

async function newPlace(
  trx: Trx,
  { clock }: Pick<Context, 'clock'>,
  projectId: string,
  experiment: Pick<Experiment, 'id' | 'name' | 'lifecycle' | 'createdMs' | 'updatedMs'>,
): Promise<ExperimentPlace> {
  const own = await ensureDefaultExperiment(trx, projectId, clock.now())
  if (experiment.id === '0') return { id: own.id, name: own.name, how: own.id === '0' ? 'kept' : 'merged' }
  const sameName = await findExperimentRow(trx, { projectId, name: experiment.name })
  if (sameName?.lifecycle === 'active') return { id: sameName.id, name: sameName.name, how: 'merged' }
  const name = sameName ? await freeName(trx, projectId, experiment.name) : experiment.name
  const keeps = /^[1-9]\d*$/.test(experiment.id) && !(await experimentExists(trx, experiment.id))
  const id = keeps ? experiment.id : await drawFreeId(trx)
  const row = experimentRow({ id, projectId, name, nowMs: experiment.createdMs })
  await insertExperiment(trx, { ...row, lifecycle: experiment.lifecycle, updated_ms: experiment.updatedMs })
  if (keeps && Number(id) <= HIGHEST_COUNTED) await raiseExperimentCounter(trx, Number(id))
  return { id, name, how: keeps ? 'kept' : 'renumbered' }
}

async function freeName(trx: Trx, projectId: string, name: string): Promise<string> {
  for (let number = 2; ; number++) {
    const candidate = `${name} (${number})`
    if (!(await findExperimentRow(trx, { projectId, name: candidate }))) return candidate
  }
}

async function drawFreeId(trx: Trx): Promise<string> {
  for (;;) {
    const id = await drawExperimentId(trx)
    if (!(await experimentExists(trx, id))) return id
  }
}

/** Brings in a logged model with its own id and times; one that is here gets what the source says now. Throws `already_exists` when another project has the id. */
export async function importLoggedModel(
  { db }: Pick<Context, 'db'>,
  input: Caller & { model: LoggedModel; within: (trx: Trx) => Promise<void> },
): Promise<void> {
  const { projectId, actor, model } = input
  const { id, status, lifecycle, updatedMs } = model
  requirePermission(actor, 'maintain', projectId)
  await db.write(async (trx) => {
    const owner = await findLoggedModelProject(trx, id)
    if (owner !== undefined && owner !== projectId)
      throw new AppError('already_exists', `Another project has the logged model ${id}`)
    if (owner !== undefined) await updateLoggedModelRow(trx, id, { status, lifecycle, updated_ms: updatedMs })
    else
      await insertLoggedModel(trx, {
        id,
        project_id: projectId,
        experiment_id: model.experimentId,
        name: model.name,
        model_type: model.modelType ?? null,
        source_run_id: model.sourceRunId ?? null,
        status,
        artifact_uri: model.artifactUri,
        lifecycle,
        created_ms: model.createdMs,
        updated_ms: updatedMs,
      })
    await upsertLoggedModelValues(trx, 'logged_model_param', { id, projectId }, model.params)
    await upsertLoggedModelValues(trx, 'logged_model_tag', { id, projectId }, model.tags)
    for (const [runId, metrics] of Map.groupBy(model.metrics, (metric) => metric.runId)) {
      const points = metrics.map((metric) => ({ ...metric, loggedModelId: id }))
      for (let at = 0; at < points.length; at += 1000)
        await upsertLoggedModelMetrics(trx, { runId, projectId }, points.slice(at, at + 1000))
    }
    await input.within(trx)
    await audit(trx, { projectId, actor, action: 'tracking.import_logged_model', subject: id })
  })
}

/** Makes stored blobs files below the project's artifact root, all in one transaction. */
export async function importArtifacts(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & {
    folder: string
    files: readonly { path: string; blob: StoredBlob }[]
    within: (trx: Trx) => Promise<void>
  },
): Promise<void> {
  const { projectId, actor, folder, files } = input
  requirePermission(actor, 'maintain', projectId)
  for (const { path } of files) requireArtifactPath(path)
  await db.write(async (trx) => {
    const nowMs = await db.wallTime(trx)
    for (const { path, blob } of files) {
      const { sha256, sizeBytes: size_bytes } = blob
      await recordBlob(trx, { projectId, blob, nowMs })
      await upsertArtifactFile(trx, {
        project_id: projectId,
        path,
        sha256,
        size_bytes,
        created_ms: clock.now(),
      })
    }
    await input.within(trx)
    const detail = { files: files.length }
    if (files.length > 0)
      await audit(trx, { projectId, actor, action: 'tracking.import_artifacts', subject: folder, detail })
  })
}
