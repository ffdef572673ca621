import { appendEvent } from '../jobs/events.ts'
import { listServedFeatures } from '../features/features.ts'
import { listTokenAccess } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { canonicalJson, type JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import type {
  Candidate,
  DesiredDeployment,
  DesiredState,
  Policy,
  ProjectFeatures,
  Variant,
} from '../serving/schema.ts'
import { findDesiredState } from '../serving/serving.ts'
import { isSamePersonal, withPersonal } from './personal.ts'
import type { Deployment, Rollout } from './schema.ts'
import {
  insertDesiredState,
  listActiveRollouts,
  listDeployments,
  listProjectNames,
  listVariants,
  takeGeneration,
  thinDesiredStates,
} from './store.ts'

/**
 * Writes the next generation of the one document that gateways follow, from the rows as the transaction left them. Returns the
 * generation; `changed` are the deployments that people should hear about.
 */
export async function writeDesiredState(
  context: Pick<Context, 'config' | 'clock'>,
  trx: Trx,
  { changed, nowMs }: { changed: readonly Pick<Deployment, 'projectId' | 'name'>[]; nowMs: number },
): Promise<number> {
  const { config, clock } = context
  const generation = await takeGeneration(trx)
  const deployments = await listDeployments(trx)
  const rollouts = await listActiveRollouts(trx)
  const projects = await listProjectNames(trx)
  const variants = await listVariants(trx, [
    ...deployments.flatMap(({ stable, previous }) =>
      [stable, previous].flatMap((version) => version?.id ?? []),
    ),
    ...rollouts.map((rollout) => rollout.candidate.id),
  ])
  const document: DesiredState = {
    generation,
    replay: config.replay,
    deployments: await withPersonal(
      context,
      trx,
      deployments.flatMap((deployment) => {
        const rollout = rollouts.find(
          ({ projectId, deployment: name }) => projectId === deployment.projectId && name === deployment.name,
        )
        const project = projects.get(deployment.projectId) ?? deployment.projectId
        const desired = toDesired(deployment, rollout, variants, project)
        return desired ? [{ desired, own: deployment.definition.personal }] : []
      }),
    ),
    features: await listProjectFeatures(trx, projects),
    tokens: await listTokenAccess(trx),
  }
  await thinDesiredStates(trx)
  await insertDesiredState(trx, document, nowMs)
  for (const { projectId, name } of changed) {
    await appendEvent(trx, {
      projectId,
      kind: 'deployment.changed',
      payload: { deployment: name, generation },
      atMs: clock.now(),
    })
  }
  return generation
}

/** Writes the next generation when the features that projects declare, or what is personal, is not what gateways follow. */
export async function followFeatures(
  context: Pick<Context, 'config' | 'clock' | 'db'>,
  trx: Trx,
): Promise<void> {
  const followed = await findDesiredState(trx)
  const declared = await listProjectFeatures(trx, await listProjectNames(trx))
  const isSame =
    canonicalJson(followed?.features ?? []) === canonicalJson(declared) &&
    (await isSamePersonal(context, trx, followed?.deployments ?? []))
  if (isSame) return
  await writeDesiredState(context, trx, { changed: [], nowMs: await context.db.wallTime(trx) })
}

/** What gateways do with the scores of a deployment. */
export function policyOf({ policy, policyVersion }: Deployment): Policy {
  return {
    version: policyVersion,
    ...(policy.threshold !== undefined && { threshold: policy.threshold }),
    ...(policy.fallback && { fallback: policy.fallback as unknown as JsonObject }),
    latencySloMs: policy.latencySloMs,
  }
}

async function listProjectFeatures(
  trx: Trx,
  projects: ReadonlyMap<string, string>,
): Promise<ProjectFeatures[]> {
  const served = await listServedFeatures(trx)
  return served.map((each) => ({ ...each, project: projects.get(each.projectId) ?? each.projectId }))
}

function toDesired(
  deployment: Deployment,
  rollout: Rollout | undefined,
  variants: ReadonlyMap<string, Variant>,
  project: string,
): DesiredDeployment | undefined {
  const stable = deployment.stable && variants.get(deployment.stable.id)
  if (!stable) return undefined
  const previous = deployment.previous && variants.get(deployment.previous.id)
  const candidate = rollout && toCandidate(rollout, variants)
  const { entity } = deployment.definition
  return {
    projectId: deployment.projectId,
    project,
    name: deployment.name,
    task: stable.signature.task,
    unit: deployment.definition.unit,
    policy: policyOf(deployment),
    ...(entity && { entity }),
    stable,
    ...(candidate && { candidate }),
    pinned: [],
    ...(previous && { previous }),
  }
}

function toCandidate(rollout: Rollout, variants: ReadonlyMap<string, Variant>): Candidate | undefined {
  const variant = variants.get(rollout.candidate.id)
  const stage = rollout.plan.stages[rollout.stage]
  if (!variant || !stage) return undefined
  return { ...variant, rolloutId: rollout.id, stage: rollout.stage, mode: stage.mode, weight: stage.weight }
}
