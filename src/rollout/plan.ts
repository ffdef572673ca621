import { z } from 'zod'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { DeploymentDefinition } from '../serving/definition.ts'

/** Metrics on which a candidate is compared with stable; for each, more is worse. */
export const judgedMetrics = ['error', 'latency_slow', 'violation', 'loss'] as const
export type JudgedMetric = (typeof judgedMetrics)[number]

const metric = z.enum(judgedMetrics)

const stageSchema = z.object({
  mode: z.enum(['shadow', 'canary']),
  /** Of 10,000 units. */
  weight: z.int().min(0).max(10_000),
  /** Pairs in shadow; requests of the candidate in a canary. */
  minRows: z.int(),
  minDurationMs: z.int(),
})
export type Stage = z.infer<typeof stageSchema>

/** How one rollout goes: a deployment's settings with every default filled in, fixed when the rollout starts. */
export const planSchema = z.object({
  stages: z.array(stageSchema).min(1),
  /** A loss without a margin is judged against 2 % of stable's mean loss; another metric without one is not judged. */
  margins: z.partialRecord(metric, z.number()),
  /** What must PASS before promotion; the others must not FAIL. */
  promoteOn: z.array(metric).min(1),
  alpha: z.number(),
  /** Rows in the smaller arm before an asymptotic verdict. */
  minimumRows: z.int(),
  /** Absolute limits of the candidate, whatever stable does: share of requests. */
  limits: z.object({ error: z.number(), violation: z.number() }),
  timeoutMs: z.int(),
  /** Labels that come within this time after the end settle the decision; 0 when none are expected. */
  labelHorizonMs: z.int(),
  lossName: z.string(),
  /** Requests are assigned one by one, so that the split can be checked against the plan. */
  unit: z.enum(['request', 'other']),
})
export type RolloutPlan = z.infer<typeof planSchema>

const DEFAULT_STAGES: Stage[] = [
  { mode: 'shadow', weight: 0, minRows: 500, minDurationMs: 0 },
  { mode: 'canary', weight: 500, minRows: 200, minDurationMs: 0 },
  { mode: 'canary', weight: 2500, minRows: 500, minDurationMs: 0 },
  { mode: 'canary', weight: 5000, minRows: 1000, minDurationMs: 0 },
]
const LIMITS = { error: 0.2, violation: 0.5 }
const VIOLATION_MARGIN = 0.01

type Settings = NonNullable<DeploymentDefinition['rollout']>

export interface PlanFacts {
  task: string
  /** Candidate and stable take the same features, so that rows which break the schema can be compared. */
  sameFeatures: boolean
  /** A multiclass model that gives no probabilities: whether its decision is right is all that is known of a row. */
  decidesOnly?: boolean
}

/** The plan of a deployment: what it declares, and defaults for the rest. */
export function resolvePlan(
  definition: DeploymentDefinition,
  { task, sameFeatures, decidesOnly = false }: PlanFacts,
): RolloutPlan {
  const settings = definition.rollout
  const isProbability = task === 'binary' || task === 'multiclass'
  const loss = settings?.margins.loss ?? (isProbability ? 0.01 : undefined)
  return {
    stages: settings && settings.stages !== 'auto' ? settings.stages.map(toStage) : DEFAULT_STAGES,
    margins: {
      error: settings?.margins.error ?? 0.005,
      latency_slow: settings?.margins.latency ?? 0.02,
      ...(sameFeatures && { violation: VIOLATION_MARGIN }),
      ...(loss !== undefined && { loss }),
    },
    promoteOn: settings?.promoteOn?.map(toMetric) ?? (definition.label ? ['loss'] : ['error']),
    alpha: settings?.alpha ?? 0.05,
    minimumRows: 500,
    limits: LIMITS,
    timeoutMs: settings?.timeoutMs ?? 14 * DAY_MS,
    labelHorizonMs: definition.label?.horizonMs ?? 0,
    lossName: decidesOnly ? 'share of wrong decisions' : isProbability ? 'log loss' : 'squared error',
    unit: definition.unit === 'request' ? 'request' : 'other',
  }
}

function toMetric(name: 'error' | 'latency' | 'loss'): JudgedMetric {
  return name === 'latency' ? 'latency_slow' : name
}

function toStage(stage: Exclude<Settings['stages'], 'auto'>[number]): Stage {
  if ('shadow' in stage)
    return { mode: 'shadow', weight: 0, minRows: stage.shadow.minPairs, minDurationMs: 0 }
  return {
    mode: 'canary',
    weight: Math.round(stage.canary * 100),
    minRows: stage.minRequests,
    minDurationMs: stage.bakeMs,
  }
}
