import { z } from 'zod'
import type { Context } from '../http/context.ts'
import type { Job } from '../jobs/jobs.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { findBlobSize } from '../ports/artifacts/blobs.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { readGraphSignature } from '../model-files/model-files.ts'
import {
  CHALLENGER,
  getModel,
  getModelVersion,
  registerVersion,
  runGates,
  setAlias,
  storeEvaluation,
} from '../registry/registry.ts'
import type { Signature } from '../model-files/schema.ts'
import { Evaluation, type ModelVersion } from '../registry/schema.ts'
import { SetFacts, TrainingFacts } from '../steps/steps.ts'
import { finishEffect, getEffect } from './effects.ts'
import { payloadText } from './payload.ts'
import { trackingIdOf } from './run-tracking.ts'
import type { Effect } from './schema.ts'
import { findPin, findRunRow, listPins } from './store.ts'

const actor = systemActor('pipelines')
const hash = z.object({ sha256: z.string() })
const factsSchema = z.looseObject({
  set: SetFacts.optional(),
  training: TrainingFacts.optional(),
  evaluation: Evaluation.optional(),
  profile: hash.optional(),
})
type Facts = z.infer<typeof factsSchema>

type Reach = Pick<Context, 'db' | 'clock' | 'ids' | 'artifacts' | 'analytics'>

/** Carries out a `register`: a version, its evaluation, what its gates say, and the alias `challenger`. */
export async function registerJob(context: Reach, job: Job): Promise<void> {
  const { projectId } = job
  const key = { projectId, actor, effectId: payloadText(job, 'effectId') }
  const effect = await getEffect(context, key)
  if (effect.state !== 'requested') return
  try {
    const version = await register(context, effect)
    await finishEffect(context, {
      ...key,
      state: 'done',
      result: { model: version.model, version: version.version },
    })
  } catch (error) {
    const isRefused = error instanceof AppError && ['invalid', 'not_found', 'denied'].includes(error.code)
    if (!isRefused && !job.lastAttempt) throw error
    await finishEffect(context, { ...key, state: 'failed', error: messageOf(error) })
  }
}

async function register(context: Reach, { id, projectId, runId, input }: Effect): Promise<ModelVersion> {
  const facts = factsOf(input.facts)
  const run = await findRunRow(context.db.read, runId)
  const model = await getModel(context, { projectId, actor, name: input.name })
  const task = facts.training?.task ?? model.task ?? 'binary'
  const dataset = await singleDataset(context, runId)
  const version = await registerVersion(context, {
    projectId,
    actor,
    model: input.name,
    source: `pipeline:${runId}`,
    registrationKey: `effect:${id}`,
    task,
    onnx: await blobOf(context, input.model),
    signature: await signatureOf(context, input.model, facts, task),
    ...(input.executionId !== undefined && { runId: trackingIdOf(input.executionId) }),
    ...(facts.set && { featureService: facts.set.service }),
    ...(facts.profile && { layout: await blobOf(context, facts.profile.sha256) }),
    ...(run && { codeSnapshot: run.snapshot_sha256 }),
    lineage: {
      pipelineRunId: runId,
      ...(input.executionId !== undefined && { executionId: input.executionId }),
      ...(run && { projectVersionId: run.project_version_id }),
      ...(dataset !== undefined && { datasetVersionId: dataset }),
    },
    tags: tagsOf(facts),
  })
  if (facts.evaluation) await judge(context, version, facts.evaluation, { runId, effectId: id })
  if (input.challenger) {
    const alias = { projectId, actor, model: input.name, alias: CHALLENGER, version: version.version }
    await setAlias(context, { ...alias, source: 'pipeline' })
  }
  return version
}

function factsOf(given: Effect['input']['facts']): Facts {
  const parsed = factsSchema.safeParse(given)
  if (parsed.success) return parsed.data
  throw new AppError('invalid', `Wrong facts of a model: ${z.prettifyError(parsed.error)}`)
}

/** The evaluation was made before the version had a number, and against the champion that the run pinned. */
async function judge(
  context: Reach,
  { projectId, model, version, id: modelVersionId }: ModelVersion,
  evaluation: Evaluation,
  { runId, effectId }: { runId: string; effectId: string },
): Promise<void> {
  const pin = await findPin(context.db.read, { runId, kind: 'champion', name: model })
  const champion = pin?.value['version'] as number | undefined
  const subjects = await Promise.all(
    evaluation.subjects.map(async (subject) => {
      if (subject.role === 'candidate') return { ...subject, name: `${model}/${version}`, modelVersionId }
      if (subject.role !== 'champion' || champion === undefined) return subject
      const { id } = await getModelVersion(context, { projectId, actor, model, version: champion })
      return { ...subject, name: `${model}/${champion}`, modelVersionId: id }
    }),
  )
  const stored = await storeEvaluation(context, {
    projectId,
    actor,
    model,
    evaluation: { ...evaluation, subjects },
  })
  await runGates(context, {
    projectId,
    actor,
    model,
    version,
    evaluationId: stored.id,
    cause: `effect:${effectId}`,
  })
}

async function signatureOf(
  { artifacts }: Pick<Context, 'artifacts'>,
  sha256: string,
  { set }: Facts,
  task: string,
): Promise<Signature> {
  const kinds = new Map(set?.features.map(({ name, kind }) => [name, kind]))
  return await readGraphSignature(await artifacts.localPath(sha256), {
    task,
    kinds,
    nullable: set !== undefined,
  })
}

async function blobOf({ db }: Pick<Context, 'db'>, sha256: string): Promise<StoredBlob> {
  const sizeBytes = await findBlobSize(db.read, sha256)
  if (sizeBytes !== undefined) return { sha256, sizeBytes }
  throw new AppError('not_found', `The model’s file ${sha256} is gone`)
}

/** The dataset version that the run used, when it used one. */
async function singleDataset({ db }: Pick<Context, 'db'>, runId: string): Promise<string | undefined> {
  const pins = (await listPins(db.read, runId)).filter(({ kind }) => kind === 'dataset')
  return pins.length === 1 ? (pins[0]!.value['id'] as string) : undefined
}

function tagsOf({ set: _set, training, evaluation: _evaluation, profile: _profile, ...others }: Facts) {
  const known = training ? [{ key: 'learner', value: training.learner }] : []
  return [...known, ...Object.entries(others).map(([key, value]) => ({ key, value: JSON.stringify(value) }))]
}
