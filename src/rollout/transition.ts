import { audit, recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { systemActor, type Actor } from '../kernel/actor.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { writeDesiredState } from './desired-state.ts'
import type { Judgement } from './next-step.ts'
import type { Rollout, RolloutState } from './schema.ts'
import {
  deleteLease,
  endStage,
  getDeployment,
  insertStage,
  insertTransition,
  updateDeployment,
  updateRollout,
} from './store.ts'
import type { RolloutRow } from './tables.ts'
import type { Total } from './verdict.ts'

export const controller: Actor = systemActor('rollout controller')

export interface Move {
  to: RolloutState
  /** The stage the rollout is in afterwards. */
  stage: number
  verdict: string
  sentence: string
  rule: string
  actor: Actor
  judgement: Judgement | null
  totals: readonly Total[]
}

/**
 * Moves a rollout on: its row, its transition, the decision with its numbers, the deployment's pointer and the next generation,
 * all in the caller's transaction. False when the rollout has moved meanwhile; then nothing is written.
 */
export async function move(
  context: Pick<Context, 'config' | 'clock'>,
  trx: Trx,
  { rollout, nowMs, ...made }: Move & { rollout: Rollout; nowMs: number },
): Promise<boolean> {
  const atMs = context.clock.now()
  const isActive = made.to === 'shadow' || made.to === 'canary'
  const changed = await updateRollout(trx, rollout, {
    state: made.to,
    stage: made.stage,
    sentence: made.sentence,
    held_since_ms: made.verdict === 'hold' ? atMs : null,
    ...(made.stage !== rollout.stage && { stage_started_ms: atMs }),
    ...(!isActive && { finished_ms: atMs }),
  } satisfies Partial<RolloutRow>)
  if (!changed) return false
  const decisionId = await recordDecision(trx, {
    projectId: rollout.projectId,
    kind: 'rollout',
    subjectType: 'rollout',
    subjectId: rollout.id,
    verdict: made.verdict,
    sentence: made.sentence,
    rule: made.rule,
    numbers: { judgement: toJson(made.judgement) },
    inputs: { deployment: rollout.deployment, plan: toJson(rollout.plan), totals: toJson(made.totals) },
    cause: rollout.cause,
    atMs,
  })
  await insertTransition(trx, {
    rollout_id: rollout.id,
    version: rollout.version + 1,
    project_id: rollout.projectId,
    from_state: rollout.state,
    to_state: made.to,
    stage: made.stage,
    decision_id: decisionId,
    sentence: made.sentence,
    at_ms: atMs,
    created_ms: nowMs,
  })
  await appendEvent(trx, {
    projectId: rollout.projectId,
    kind: 'rollout.changed',
    payload: { rolloutId: rollout.id, deployment: rollout.deployment, state: made.to },
    atMs,
  })
  if (made.verdict !== 'hold') await follow(context, trx, { rollout, nowMs, atMs, ...made })
  return true
}

/** What a new stage or an end means for stages, pointer, lease and gateways. */
async function follow(
  context: Pick<Context, 'config' | 'clock'>,
  trx: Trx,
  { rollout, nowMs, atMs, ...made }: Move & { rollout: Rollout; nowMs: number; atMs: number },
): Promise<void> {
  await endStage(trx, {
    rolloutId: rollout.id,
    stage: rollout.stage,
    endedMs: atMs,
    judgementJson: JSON.stringify(made.judgement),
  })
  // After an A/A rollout the version before stays what one can go back to.
  const isTwin = rollout.candidate.id === rollout.stable.id
  if (made.to === 'succeeded' && !isTwin) await pointToCandidate(trx, rollout, nowMs)
  if (made.to !== 'shadow' && made.to !== 'canary') await deleteLease(trx, rollout.id)
  const generation = await writeDesiredState(context, trx, {
    changed: [{ projectId: rollout.projectId, name: rollout.deployment }],
    nowMs,
  })
  if (made.to === 'shadow' || made.to === 'canary') {
    const { mode, weight } = rollout.plan.stages[made.stage]!
    await insertStage(trx, {
      rollout_id: rollout.id,
      stage: made.stage,
      project_id: rollout.projectId,
      mode,
      weight,
      generation,
      started_ms: atMs,
      ended_ms: null,
      judgement_json: null,
    })
  }
  await audit(trx, {
    projectId: rollout.projectId,
    actor: made.actor,
    action: `rollout.${made.verdict}`,
    subject: `${rollout.deployment} ${rollout.model}/${rollout.candidate.version}`,
    detail: { rolloutId: rollout.id, generation },
  })
}

async function pointToCandidate(trx: Trx, rollout: Rollout, nowMs: number): Promise<void> {
  const deployment = await getDeployment(trx, { projectId: rollout.projectId, name: rollout.deployment })
  await updateDeployment(trx, deployment, {
    stable_version_id: rollout.candidate.id,
    stable_version: rollout.candidate.version,
    previous_version_id: rollout.stable.id,
    previous_version: rollout.stable.version,
    updated_ms: nowMs,
  })
}

export function toJson(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject
}
