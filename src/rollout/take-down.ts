import { audit, recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { writeDesiredState } from './desired-state.ts'
import { byWhom } from './intervene.ts'
import { findActiveRollout, getDeployment, updateDeployment } from './store.ts'
import { listTotals } from './store-counts.ts'
import { move } from './transition.ts'

/**
 * Lets a deployment serve nothing any more: a rollout under way is stopped, and gateways answer that they do not know it. Its definition, log and
 * history stay; the next version that is deployed to it is its first. Throws `conflict` when it serves nothing.
 */
export async function takeDown(
  context: Pick<Context, 'db' | 'clock' | 'config'>,
  input: Caller & { deployment: string; reason?: string },
): Promise<{ sentence: string }> {
  const { projectId, actor, deployment: name, reason } = input
  requirePermission(actor, 'maintain', projectId)
  const nowMs = await context.db.wallTime()
  return await context.db.write(async (trx) => {
    const { stable: served, model } = await getDeployment(trx, { projectId, name })
    if (!served) throw new AppError('conflict', `${name} serves nothing`, { details: { deployment: name } })
    const sentence = `Took ${name} down, which served ${model}/${served.version}: ${byWhom(input)}.`
    const rollout = await findActiveRollout(trx, { projectId, deployment: name })
    if (rollout)
      await move(context, trx, {
        rollout,
        nowMs,
        to: 'stopped',
        stage: rollout.stage,
        verdict: 'stop',
        sentence: `Stopped the rollout of ${model}/${rollout.candidate.version}: ${name} was taken down.`,
        rule: 'A deployment that serves nothing tries nothing',
        actor,
        judgement: null,
        totals: await listTotals(trx, rollout.id),
      })
    const deployment = await getDeployment(trx, { projectId, name })
    await updateDeployment(trx, deployment, {
      stable_version_id: null,
      stable_version: null,
      previous_version_id: null,
      previous_version: null,
      updated_ms: nowMs,
    })
    const generation = await writeDesiredState(context, trx, { changed: [deployment], nowMs })
    await recordDecision(trx, {
      projectId,
      kind: 'deploy',
      subjectType: 'deployment',
      subjectId: name,
      verdict: 'taken_down',
      sentence,
      rule: 'A maintainer may take a deployment down at any time',
      numbers: { generation },
      inputs: { stable: served.version, previous: deployment.previous?.version ?? null },
      atMs: context.clock.now(),
    })
    await audit(trx, {
      projectId,
      actor,
      action: 'rollout.take_down',
      subject: `${name} ${model}/${served.version}`,
      detail: { reason: reason ?? null, generation },
    })
    return { sentence }
  })
}
