import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { canonicalJson } from '../kernel/json.ts'
import { deploymentSchema, type DeploymentDefinition } from '../serving/definition.ts'
import { writeDesiredState } from './desired-state.ts'
import type { Deployment, DeploymentPolicy } from './schema.ts'
import { findDeployment, insertDeployment, updateDeployment } from './store.ts'
import type { DeploymentRow } from './tables.ts'

/**
 * Stores what a project declares about its deployments. Declaring the same again changes nothing; a changed policy is a new
 * policy version and a new generation. Deployments that are no longer declared stay as they are and go on serving.
 */
export async function declareDeployments(
  context: Pick<Context, 'db' | 'clock' | 'config' | 'ids'>,
  input: Caller & { deployments: readonly DeploymentDefinition[] },
): Promise<void> {
  requirePermission(input.actor, 'maintain', input.projectId)
  const definitions = input.deployments.map((definition) => deploymentSchema.parse(definition))
  const nowMs = await context.db.wallTime()
  await context.db.write(async (trx) => {
    const changed: Pick<Deployment, 'projectId' | 'name'>[] = []
    for (const definition of definitions) {
      const known = await findDeployment(trx, { projectId: input.projectId, name: definition.name })
      if (known && canonicalJson(known.definition) === canonicalJson(definition)) continue
      if (known) {
        await updateDeployment(trx, known, redeclared(known, definition, nowMs))
        if (known.stable) changed.push(known)
      } else {
        const row = newDeployment({ id: context.ids.uuid(), projectId: input.projectId, definition, nowMs })
        await insertDeployment(trx, row)
      }
      await audit(trx, {
        projectId: input.projectId,
        actor: input.actor,
        action: 'rollout.declare_deployment',
        subject: definition.name,
      })
    }
    if (changed.length > 0) await writeDesiredState(context, trx, { changed, nowMs })
  })
}

function redeclared(
  known: Deployment,
  definition: DeploymentDefinition,
  nowMs: number,
): Partial<DeploymentRow> {
  if (known.stable && definition.model !== known.model) {
    throw new AppError(
      'conflict',
      `Deployment ${known.name} serves ${known.model}; give a deployment of ${definition.model} another name`,
      { details: { deployment: known.name } },
    )
  }
  const policy = policyOf(definition)
  const samePolicy = canonicalJson(policy) === canonicalJson(known.policy)
  return {
    model: definition.model,
    definition_json: JSON.stringify(definition),
    policy_json: JSON.stringify(policy),
    policy_version: known.policyVersion + (samePolicy ? 0 : 1),
    updated_ms: nowMs,
  }
}

export function newDeployment({
  id,
  projectId,
  definition,
  nowMs,
}: {
  id: string
  projectId: string
  definition: DeploymentDefinition
  nowMs: number
}): DeploymentRow {
  return {
    id,
    project_id: projectId,
    name: definition.name,
    model: definition.model,
    task: null,
    definition_json: JSON.stringify(definition),
    policy_version: 1,
    policy_json: JSON.stringify(policyOf(definition)),
    stable_version_id: null,
    stable_version: null,
    previous_version_id: null,
    previous_version: null,
    revision: 1,
    created_ms: nowMs,
    updated_ms: nowMs,
  }
}

function policyOf({ threshold, fallback, latencySloMs }: DeploymentDefinition): DeploymentPolicy {
  return {
    ...(threshold !== undefined && { threshold }),
    ...(fallback && { fallback }),
    latencySloMs,
  }
}
