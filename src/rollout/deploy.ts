import { reviveViews } from '../materialization/materialization.ts'
import { audit, recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { followServed } from '../promotions/promotions.ts'
import { findAliasRow, getModelRow, holdModelVersion } from '../registry/registry.ts'
import { deploymentSchema } from '../serving/definition.ts'
import type { Variant } from '../serving/schema.ts'
import { admit, deployableVersion, type Admission } from './admission.ts'
import { decidesOnly, requireSameRequests } from './candidate-inputs.ts'
import { newDeployment } from './deployments.ts'
import { writeDesiredState } from './desired-state.ts'
import { resolvePlan } from './plan.ts'
import { planFromTraffic } from './planning.ts'
import type { Deployment, Rollout } from './schema.ts'
import { stageName } from './sentence.ts'
import {
  findActiveRollout,
  findDeployment,
  findRolloutByCause,
  getDeployment,
  getRollout,
  insertDeployment,
  insertRollout,
  insertStage,
  insertTransition,
  listVariants,
  updateDeployment,
  upsertLease,
  upsertVariant,
} from './store.ts'
import { move, toJson } from './transition.ts'

/** How long a candidate may be served without the controller's confirmation, in database wall time. */
export const LEASE_MS = 5000

export interface DeployInput extends Caller {
  deployment: string
  model: string
  version: number
  /** Deploys past a gate that has not passed; needs a reason, which is audited. */
  force?: boolean
  reason?: string
  /** What led to it. A cause acts once for each deployment, however often it is repeated. */
  cause?: string
  /** Nothing is done unless this alias of the model points at the version by then: another one may have been set since it was asked for. */
  whileAlias?: string
}

export interface Deployed {
  deployment: string
  version: number
  /** `unchanged`: the version is what the deployment serves or tries already, or the cause has acted before. */
  outcome: 'first' | 'rollout' | 'unchanged'
  rolloutId: string | null
  sentence: string
}

type DeployContext = Pick<Context, 'db' | 'clock' | 'ids' | 'config'>

/**
 * Brings a model version behind a deployment. The first one goes straight to stable; a later one starts a rollout, which supersedes
 * one under way. The version that is stable already may be deployed by a person: that is an A/A rollout. A deployment that
 * nobody declared is made with defaults. Throws `conflict` with the gate's sentence when the gates have not passed, `denied` where the alias
 * `champion` is protected and no promotion of the version is approved, `invalid` for a candidate that requests to the stable version could never be
 * answered by.
 */
export async function deploy(context: DeployContext, input: DeployInput): Promise<Deployed> {
  requirePermission(input.actor, 'maintain', input.projectId)
  if (input.force === true && !input.reason?.trim())
    throw new AppError('invalid', 'Forcing a version past its gates needs a reason')
  const variant = await deployableVersion(context, input)
  const known = await findDeployment(context.db.read, { projectId: input.projectId, name: input.deployment })
  if (known && known.model !== input.model) throw wrongModel(known, input.model)
  const done = known && (await alreadyDone(context.db.read, known, input))
  if (done) return done
  const isStable = known?.stable?.id === variant.modelVersionId
  const admission = await admit(context, { ...input, isStable }).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'denied') return refuse(context, input, error)
    throw error
  })
  if (!admission.passed && !admission.forced)
    return refuse(context, input, new AppError('conflict', admission.sentence))
  const nowMs = await context.db.wallTime()
  const writing = context.db.write(async (trx) => {
    const now = await findDeployment(trx, { projectId: input.projectId, name: input.deployment })
    // The same cause may be at work in another process.
    const meanwhile = now && (await alreadyDone(trx, now, input))
    if (meanwhile) return meanwhile
    // Read after the deployment: whoever has changed that for a later alias had set the alias before.
    if (!(await holdsAlias(trx, input))) return movedOn(input)
    await upsertVariant(trx, { projectId: input.projectId, variant, nowMs })
    const { featureService: spec } = variant
    if (spec) await reviveViews(trx, { projectId: input.projectId, spec })
    const deployment = await declared(context, trx, { input, variant, nowMs })
    const accepted = { deployment, variant, input, admission, nowMs }
    const deployed = deployment.stable
      ? await replaceRollout(context, trx, accepted)
      : await goStable(context, trx, accepted)
    await holdModelVersion(trx, input)
    return deployed
  })
  return writing.catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'invalid') return refuse(context, input, error)
    // Somebody else changed the deployment first: no refusal, and worth another try.
    throw error.code === 'conflict' ? new AppError('unavailable', error.message, { cause: error }) : error
  })
}

function wrongModel(known: Deployment, model: string): AppError {
  return new AppError('invalid', `Deployment ${known.name} serves the model ${known.model}, not ${model}`, {
    details: { deployment: known.name, model: known.model },
  })
}

/** A cause that has acted, or an automatic one that asks for what is there already. A person may ask for an A/A rollout. */
async function alreadyDone(
  at: Queryable,
  deployment: Deployment,
  { cause, model, version }: DeployInput,
): Promise<Deployed | undefined> {
  if (cause === undefined) return undefined
  const key = { projectId: deployment.projectId, deployment: deployment.name }
  const rollout = (await findRolloutByCause(at, { ...key, cause })) ?? (await findActiveRollout(at, key))
  const sameRollout = rollout && (rollout.cause === cause || rollout.candidate.version === version)
  if (!sameRollout && deployment.stable?.version !== version) return undefined
  return {
    deployment: deployment.name,
    version,
    outcome: 'unchanged',
    rolloutId: sameRollout ? rollout.id : null,
    sentence: sameRollout ? rollout.sentence : `${deployment.name} serves ${model}/${version} already.`,
  }
}

async function holdsAlias(
  trx: Trx,
  { projectId, model, version, whileAlias }: DeployInput,
): Promise<boolean> {
  if (whileAlias === undefined) return true
  const { id } = await getModelRow(trx, projectId, model)
  return (await findAliasRow(trx, id, whileAlias))?.version === version
}

function movedOn({ deployment, model, version, whileAlias }: DeployInput): Deployed {
  const sentence = `${model}@${whileAlias} points elsewhere than at ${model}/${version} by now.`
  return { deployment, version, outcome: 'unchanged', rolloutId: null, sentence }
}

async function refuse({ db, clock }: DeployContext, input: DeployInput, why: AppError): Promise<never> {
  const sentence = `Did not deploy ${input.model}/${input.version} to ${input.deployment}: ${why.message}`
  await db.write(async (trx) => {
    await recordDecision(trx, {
      projectId: input.projectId,
      kind: 'deploy',
      subjectType: 'deployment',
      subjectId: input.deployment,
      verdict: 'refused',
      sentence,
      rule: 'A version is deployed when all its gates have passed, or when it is forced with a reason',
      numbers: {},
      inputs: { model: input.model, version: input.version, actor: input.actor.name },
      ...(input.cause !== undefined && { cause: input.cause }),
      atMs: clock.now(),
    })
  })
  const details = { ...why.details, model: input.model, version: input.version }
  throw new AppError(why.code, sentence, { details })
}

async function declared(
  { ids }: DeployContext,
  trx: Trx,
  { input, variant, nowMs }: { input: DeployInput; variant: Variant; nowMs: number },
): Promise<Deployment> {
  const key = { projectId: input.projectId, name: input.deployment }
  const known = await findDeployment(trx, key)
  if (known) return known
  const definition = deploymentSchema.parse({ name: input.deployment, model: input.model })
  const row = newDeployment({ id: ids.uuid(), projectId: input.projectId, definition, nowMs })
  await insertDeployment(trx, { ...row, task: variant.signature.task })
  return getDeployment(trx, key)
}

interface Accepted {
  deployment: Deployment
  variant: Variant
  input: DeployInput
  admission: Admission
  nowMs: number
}

async function goStable(
  context: DeployContext,
  trx: Trx,
  { deployment, variant, input, admission, nowMs }: Accepted,
): Promise<Deployed> {
  await updateDeployment(trx, deployment, {
    stable_version_id: variant.modelVersionId,
    stable_version: variant.version,
    task: variant.signature.task,
    updated_ms: nowMs,
  })
  const generation = await writeDesiredState(context, trx, { changed: [deployment], nowMs })
  const sentence = `Deployed ${input.model}/${input.version} to ${deployment.name} as its first version. ${admission.sentence}`
  await recordDeploy(context, trx, { input, admission, sentence, generation })
  await followServed(context, trx, {
    projectId: input.projectId,
    actor: input.actor,
    model: input.model,
    version: variant.version,
    admission,
    direction: 'forward',
  })
  return {
    deployment: deployment.name,
    version: variant.version,
    outcome: 'first',
    rolloutId: null,
    sentence,
  }
}

async function supersede(
  context: DeployContext,
  trx: Trx,
  { deployment, input, nowMs }: Pick<Accepted, 'deployment' | 'input' | 'nowMs'>,
): Promise<void> {
  const active = await findActiveRollout(trx, {
    projectId: deployment.projectId,
    deployment: deployment.name,
  })
  if (!active) return
  const candidate = `${active.model}/${active.candidate.version}`
  await move(context, trx, {
    rollout: active,
    to: 'superseded',
    stage: active.stage,
    verdict: 'superseded',
    sentence: `The rollout of ${candidate} ended undecided: ${input.model}/${input.version} was deployed instead.`,
    rule: 'A deployment has one rollout at a time; a newer one takes its place',
    actor: input.actor,
    judgement: null,
    totals: [],
    nowMs,
  })
}

async function replaceRollout(context: DeployContext, trx: Trx, accepted: Accepted): Promise<Deployed> {
  await supersede(context, trx, accepted)
  const deployment = await getDeployment(trx, accepted.deployment)
  return startRollout(context, trx, { ...accepted, deployment })
}

async function startRollout(
  context: DeployContext,
  trx: Trx,
  { deployment, variant, input, admission, nowMs }: Accepted,
): Promise<Deployed> {
  const stable = deployment.stable!
  const atMs = context.clock.now()
  const served = (await listVariants(trx, [stable.id])).get(stable.id)!
  requireSameRequests(deployment, { stable: served, candidate: variant })
  const sameFeatures = hashJson(variant.signature.inputs) === hashJson(served.signature.inputs)
  const resolved = resolvePlan(deployment.definition, {
    task: variant.signature.task,
    sameFeatures,
    decidesOnly: decidesOnly(variant),
  })
  const plan = await planFromTraffic(trx, { deployment, plan: resolved, nowMs: atMs })
  const { mode, weight } = plan.stages[0]!
  const id = context.ids.uuid()
  const cause = input.cause ?? `deploy:${id}`
  const twin =
    stable.id === variant.modelVersionId
      ? ' against itself (A/A)'
      : ` against ${input.model}/${stable.version}`
  const sentence = `Started the rollout of ${input.model}/${input.version}${twin} in ${stageName(plan, 0)}. ${admission.sentence}`
  await insertRollout(trx, {
    id,
    project_id: input.projectId,
    deployment: deployment.name,
    model: input.model,
    candidate_version_id: variant.modelVersionId,
    candidate_version: variant.version,
    stable_version_id: stable.id,
    stable_version: stable.version,
    state: mode,
    stage: 0,
    held_since_ms: null,
    plan_json: JSON.stringify(plan),
    cause,
    reason: input.reason ?? null,
    forced: admission.forced ? 1 : 0,
    promotion_id: admission.promotionId,
    version: 1,
    sentence,
    started_ms: atMs,
    stage_started_ms: atMs,
    finished_ms: null,
    settled_ms: null,
    created_ms: nowMs,
  })
  await updateDeployment(trx, deployment, { updated_ms: nowMs })
  await upsertLease(trx, { rolloutId: id, projectId: input.projectId, untilMs: nowMs + LEASE_MS })
  const generation = await writeDesiredState(context, trx, { changed: [deployment], nowMs })
  await insertStage(trx, {
    rollout_id: id,
    stage: 0,
    project_id: input.projectId,
    mode,
    weight,
    generation,
    started_ms: atMs,
    ended_ms: null,
    judgement_json: null,
  })
  const decisionId = await recordDeploy(context, trx, {
    input,
    admission,
    sentence,
    generation,
    plan: toJson(plan),
  })
  await insertTransition(trx, {
    rollout_id: id,
    version: 1,
    project_id: input.projectId,
    from_state: 'none',
    to_state: mode,
    stage: 0,
    decision_id: decisionId,
    sentence,
    at_ms: atMs,
    created_ms: nowMs,
  })
  const rollout: Rollout = await getRollout(trx, { projectId: input.projectId, id })
  await appendEvent(trx, {
    projectId: input.projectId,
    kind: 'rollout.changed',
    payload: { rolloutId: id, deployment: deployment.name, state: rollout.state },
    atMs,
  })
  return {
    deployment: deployment.name,
    version: variant.version,
    outcome: 'rollout',
    rolloutId: id,
    sentence,
  }
}

async function recordDeploy(
  { clock }: DeployContext,
  trx: Trx,
  made: {
    input: DeployInput
    admission: Admission
    sentence: string
    generation: number
    plan?: ReturnType<typeof toJson>
  },
): Promise<string> {
  const { input, admission, sentence, generation } = made
  await audit(trx, {
    projectId: input.projectId,
    actor: input.actor,
    action: admission.forced ? 'rollout.deploy_forced' : 'rollout.deploy',
    subject: `${input.deployment} ${input.model}/${input.version}`,
    detail: { generation, reason: input.reason ?? null, cause: input.cause ?? null },
  })
  return recordDecision(trx, {
    projectId: input.projectId,
    kind: 'deploy',
    subjectType: 'deployment',
    subjectId: input.deployment,
    verdict: admission.forced ? 'forced' : 'deployed',
    sentence,
    rule: 'A version is deployed when all its gates have passed, or when it is forced with a reason',
    numbers: { generation },
    inputs: {
      model: input.model,
      version: input.version,
      actor: input.actor.name,
      reason: input.reason ?? null,
      plan: made.plan ?? null,
    },
    ...(input.cause !== undefined && { cause: input.cause }),
    atMs: clock.now(),
  })
}
