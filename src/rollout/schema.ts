import { z } from 'zod'
import { decisionSchema } from '../governance/schema.ts'
import type { DeploymentDefinition } from '../serving/definition.ts'
import { fallbackSchema } from '../serving/schema.ts'
import { judgedMetrics, planSchema, type RolloutPlan } from './plan.ts'

export const activeStates = ['shadow', 'canary'] as const
const rolloutStates = [...activeStates, 'succeeded', 'rolled_back', 'stopped', 'superseded'] as const
export type RolloutState = (typeof rolloutStates)[number]

/** A named endpoint: what is declared, and the version that answers. */
export interface Deployment {
  id: string
  projectId: string
  name: string
  model: string
  task: string | null
  definition: DeploymentDefinition
  policyVersion: number
  policy: DeploymentPolicy
  stable: DeployedVersion | null
  previous: DeployedVersion | null
  revision: number
  createdMs: number
}

interface DeployedVersion {
  id: string
  version: number
}

export type DeploymentPolicy = Pick<DeploymentDefinition, 'threshold' | 'fallback' | 'latencySloMs'>

/** The change of the version behind a deployment. */
export interface Rollout {
  id: string
  projectId: string
  deployment: string
  model: string
  candidate: DeployedVersion
  stable: DeployedVersion
  state: RolloutState
  stage: number
  heldSinceMs: number | null
  plan: RolloutPlan
  cause: string
  reason: string | null
  forced: boolean
  /** The promotion that it was admitted by. */
  promotionId: string | null
  /** The number of its last transition. */
  version: number
  sentence: string
  startedMs: number
  stageStartedMs: number
  finishedMs: number | null
  createdMs: number
}

/** Additive: rows, Σ value, Σ value² of one second at one gateway. */
export interface RolloutCount {
  rolloutId: string
  generation: number
  stage: number
  variant: string
  metric: string
  gatewayId: string
  /** Seconds since the epoch. */
  second: number
  n: number
  sum: number
  sumSq: number
}

const metricVerdict = z.object({
  stage: z.number(),
  metric: z.enum(judgedMetrics),
  verdict: z.enum(['pass', 'fail', 'continue', 'no_data']),
  paired: z.boolean(),
  margin: z.number(),
  alpha: z.number(),
  difference: z.number(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  rows: z.object({ candidate: z.number(), stable: z.number() }),
})

export const rolloutJson = z.object({
  id: z.string(),
  deployment: z.string(),
  model: z.string(),
  candidateVersion: z.number(),
  stableVersion: z.number(),
  state: z.enum(rolloutStates),
  stage: z.number(),
  stages: planSchema.shape.stages,
  cause: z.string(),
  reason: z.string().nullable(),
  forced: z.boolean(),
  heldSinceMs: z.number().nullable(),
  sentence: z.string(),
  startedMs: z.number(),
  stageStartedMs: z.number(),
  finishedMs: z.number().nullable(),
})
export type RolloutJson = z.infer<typeof rolloutJson>

export const rolloutDetailJson = rolloutJson.extend({
  plan: planSchema,
  /** Rows of the candidate in the current stage. */
  rows: z.number(),
  metrics: z.array(metricVerdict),
  totals: z.array(
    z.object({
      stage: z.number(),
      variant: z.string(),
      metric: z.string(),
      n: z.number(),
      sum: z.number(),
      sumSq: z.number(),
    }),
  ),
  transitions: z.array(
    z.object({
      version: z.number(),
      from: z.string(),
      to: z.string(),
      stage: z.number(),
      sentence: z.string(),
      decisionId: z.string().nullable(),
      atMs: z.number(),
    }),
  ),
})
export type RolloutDetailJson = z.infer<typeof rolloutDetailJson>

const deployedVersion = z.object({ id: z.string(), version: z.number() }).nullable()
const trafficHour = z.object({
  deployment: z.string(),
  version: z.number(),
  variant: z.string(),
  hourMs: z.number(),
  n: z.number(),
  errors: z.number(),
})
export type TrafficHour = z.infer<typeof trafficHour>

/** A deployment with its rollout and the traffic of its last day. */
export const deploymentJson = z.object({
  name: z.string(),
  model: z.string(),
  task: z.string().nullable(),
  unit: z.unknown(),
  policy: z.object({
    threshold: z.number().optional(),
    fallback: fallbackSchema.optional(),
    latencySloMs: z.number(),
  }),
  policyVersion: z.number(),
  label: z.unknown(),
  stable: deployedVersion,
  previous: deployedVersion,
  candidate: deployedVersion,
  rollout: rolloutJson.nullable(),
  traffic: z.array(trafficHour),
  createdMs: z.number(),
})
export type DeploymentJson = z.infer<typeof deploymentJson>

export const timelineJson = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  traffic: z.array(trafficHour),
  rollouts: z.array(
    rolloutJson.extend({
      timeline: z.array(
        z.object({
          stage: z.number(),
          mode: z.string(),
          weight: z.number(),
          startedMs: z.number(),
          endedMs: z.number().nullable(),
        }),
      ),
    }),
  ),
  decisions: z.array(decisionSchema),
})
export type TimelineJson = z.infer<typeof timelineJson>

export function toRolloutJson(rollout: Rollout): z.input<typeof rolloutJson> {
  return {
    id: rollout.id,
    deployment: rollout.deployment,
    model: rollout.model,
    candidateVersion: rollout.candidate.version,
    stableVersion: rollout.stable.version,
    state: rollout.state,
    stage: rollout.stage,
    stages: rollout.plan.stages,
    cause: rollout.cause,
    reason: rollout.reason,
    forced: rollout.forced,
    heldSinceMs: rollout.heldSinceMs,
    sentence: rollout.sentence,
    startedMs: rollout.startedMs,
    stageStartedMs: rollout.stageStartedMs,
    finishedMs: rollout.finishedMs,
  }
}
