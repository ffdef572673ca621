import type { Context } from '../http/context.ts'
import type { z } from 'zod'
import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import { judge } from './controller.ts'
import {
  toRolloutJson,
  type Deployment,
  type Rollout,
  type TrafficHour,
  type rolloutDetailJson,
} from './schema.ts'
import {
  findActiveRollout,
  getDeployment,
  getRollout,
  listDeployments,
  listRollouts,
  listStages,
  listTransitions,
} from './store.ts'
import { findLastTrafficHour, listTotals, listTraffic } from './store-counts.ts'

const MOST_HOURS = 20_000

export interface DeploymentState {
  deployment: Deployment
  rollout: Rollout | undefined
  /** The last day with traffic, hour by hour. */
  traffic: TrafficHour[]
}

export async function getDeploymentState(
  { db }: Pick<Context, 'db'>,
  key: { projectId: string; name: string },
): Promise<DeploymentState> {
  const deployment = await getDeployment(db.read, key)
  const named = { projectId: key.projectId, deployment: key.name }
  const rollout = await findActiveRollout(db.read, named)
  const lastMs = await findLastTrafficHour(db.read, named)
  const traffic =
    lastMs === undefined
      ? []
      : await listTraffic(db.read, {
          ...named,
          fromMs: lastMs - DAY_MS + HOUR_MS,
          toMs: lastMs + HOUR_MS,
          limit: MOST_HOURS,
        })
  return { deployment, rollout, traffic }
}

export async function listDeploymentStates(
  context: Pick<Context, 'db'>,
  { projectId }: { projectId: string },
): Promise<DeploymentState[]> {
  const deployments = await listDeployments(context.db.read, projectId)
  return Promise.all(deployments.map(({ name }) => getDeploymentState(context, { projectId, name })))
}

/** A rollout with the verdict on every metric as of now, recomputed from its counts by the rule that the controller uses. */
export async function explainRollout(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  key: { projectId: string; id: string },
): Promise<z.input<typeof rolloutDetailJson>> {
  const rollout = await getRollout(db.read, key)
  const totals = await listTotals(db.read, rollout.id)
  const transitions = await listTransitions(db.read, rollout.id)
  const judgement = judge(rollout, totals, rollout.finishedMs ?? clock.now())
  return {
    ...toRolloutJson(rollout),
    plan: rollout.plan,
    rows: judgement.rows,
    metrics: [...judgement.metrics],
    totals,
    transitions: transitions.map((row) => ({
      version: row.version,
      from: row.from_state,
      to: row.to_state,
      stage: row.stage,
      sentence: row.sentence,
      decisionId: row.decision_id,
      atMs: row.at_ms,
    })),
  }
}

/** Traffic by version and variant in each hour, and the rollouts with their stages that fall into the span. */
export async function getTimeline(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: { projectId: string; name: string; fromMs?: number | undefined; toMs?: number | undefined },
) {
  const { projectId, name: deployment } = input
  await getDeployment(db.read, input)
  const toMs = input.toMs ?? clock.now() + HOUR_MS
  const fromMs = input.fromMs ?? toMs - 28 * DAY_MS
  const traffic = await listTraffic(db.read, { projectId, deployment, fromMs, toMs, limit: MOST_HOURS })
  const rollouts = (await listRollouts(db.read, { projectId, deployment, limit: 200 })).filter(
    ({ startedMs, finishedMs }) => startedMs < toMs && (finishedMs ?? toMs) >= fromMs,
  )
  const stages = await listStages(db.read, { projectId, rolloutIds: rollouts.map(({ id }) => id) })
  return {
    fromMs,
    toMs,
    traffic,
    rollouts: rollouts.map((rollout) => ({
      ...toRolloutJson(rollout),
      timeline: stages
        .filter((row) => row.rollout_id === rollout.id)
        .map((row) => ({
          stage: row.stage,
          mode: row.mode,
          weight: row.weight,
          startedMs: row.started_ms,
          endedMs: row.ended_ms,
        })),
    })),
  }
}
