import { audit, recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Actor, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { followServed } from '../promotions/promotions.ts'
import { writeDesiredState } from './desired-state.ts'
import type { Deployment } from './schema.ts'
import { findActiveRollout, getDeployment, getRollout, updateDeployment } from './store.ts'
import { listTotals } from './store-counts.ts'
import { move } from './transition.ts'

type Intervention = Pick<Context, 'db' | 'clock' | 'config'>

export interface RollBackInput extends Caller {
  deployment: string
  reason?: string
}

/**
 * Rolls back by hand: a rollout under way ends and stable goes on; without one, the version before the stable one, which gateways keep
 * loaded, becomes stable again. Throws `conflict` when there is nothing to go back to.
 */
export async function rollBack(context: Intervention, input: RollBackInput): Promise<{ sentence: string }> {
  requirePermission(input.actor, 'maintain', input.projectId)
  const deployment = await getDeployment(context.db.read, {
    projectId: input.projectId,
    name: input.deployment,
  })
  const active = await findActiveRollout(context.db.read, input)
  if (active) return endRollout(context, { ...input, rolloutId: active.id, to: 'rolled_back' })
  const { stable, previous, model } = deployment
  if (!stable || !previous) {
    throw new AppError('conflict', `${deployment.name} has no earlier version to go back to`)
  }
  const sentence = `Rolled back ${model}/${stable.version} to ${model}/${previous.version}: ${byWhom(input)}.`
  const nowMs = await context.db.wallTime()
  await context.db.write(async (trx) => {
    await updateDeployment(trx, deployment, {
      stable_version_id: previous.id,
      stable_version: previous.version,
      previous_version_id: stable.id,
      previous_version: stable.version,
      updated_ms: nowMs,
    })
    const generation = await writeDesiredState(context, trx, { changed: [deployment], nowMs })
    await recordDecision(trx, {
      projectId: input.projectId,
      kind: 'deploy',
      subjectType: 'deployment',
      subjectId: deployment.name,
      verdict: 'rolled_back',
      sentence,
      rule: 'A maintainer may go back to the version before at any time',
      numbers: { generation },
      inputs: pointers(deployment),
      atMs: context.clock.now(),
    })
    await audit(trx, {
      projectId: input.projectId,
      actor: input.actor,
      action: 'rollout.roll_back',
      subject: `${deployment.name} ${model}/${previous.version}`,
      detail: { reason: input.reason ?? null, generation },
    })
    await followServed(context, trx, {
      projectId: input.projectId,
      actor: input.actor,
      model,
      version: previous.version,
      admission: { promotionId: null, forced: false },
      direction: 'back',
    })
  })
  return { sentence }
}

/** Ends a rollout by hand; stable goes on as if it had never begun, and nothing is said against the candidate. */
export async function stopRollout(
  context: Intervention,
  input: Caller & { rolloutId: string; reason?: string },
): Promise<{ sentence: string }> {
  requirePermission(input.actor, 'maintain', input.projectId)
  return endRollout(context, { ...input, to: 'stopped' })
}

async function endRollout(
  context: Intervention,
  input: Caller & {
    rolloutId: string
    reason?: string
    to: 'rolled_back' | 'stopped'
  },
): Promise<{ sentence: string }> {
  const rollout = await getRollout(context.db.read, { projectId: input.projectId, id: input.rolloutId })
  const totals = await listTotals(context.db.read, rollout.id)
  const done = input.to === 'stopped' ? 'Stopped the rollout of' : 'Rolled back'
  const { model, candidate, stable } = rollout
  const ended =
    candidate.id === stable.id
      ? `Stopped the A/A rollout of ${model}/${stable.version}`
      : `${done} ${model}/${candidate.version}; ${model}/${stable.version} goes on`
  const sentence = `${ended}: ${byWhom(input)}.`
  const nowMs = await context.db.wallTime()
  const moved = await context.db.write(async (trx) => {
    const isMoved = await move(context, trx, {
      rollout,
      nowMs,
      to: input.to,
      stage: rollout.stage,
      verdict: input.to === 'stopped' ? 'stop' : 'roll_back',
      sentence,
      rule: 'A maintainer may end a rollout at any time',
      actor: input.actor,
      judgement: null,
      totals,
    })
    if (isMoved) {
      const { projectId } = rollout
      await followServed(context, trx, {
        projectId,
        actor: input.actor,
        model,
        version: stable.version,
        admission: rollout,
        direction: 'back',
      })
    }
    return isMoved
  })
  if (moved) return { sentence }
  throw new AppError('conflict', 'The rollout has moved on or ended meanwhile', {
    details: { rollout: rollout.id },
  })
}

/** As a sentence ends that tells who did it. */
export function byWhom({ actor, reason }: { actor: Actor; reason?: string }): string {
  return reason?.trim() ? `${actor.name} says "${reason.trim()}"` : `by ${actor.name}`
}

function pointers({ stable, previous }: Deployment): { stable: number | null; previous: number | null } {
  return { stable: stable?.version ?? null, previous: previous?.version ?? null }
}
