import { z } from 'zod'
import { personalPolicies } from '../privacy/definition.ts'
import { fallbackSchema, type Fallback } from './schema.ts'

const days = 86_400_000

const unit = z.union([
  z.literal('request'),
  z.strictObject({ header: z.string().min(1) }),
  z.strictObject({ input: z.string().min(1) }),
])

const stage = z.union([
  z.strictObject({
    shadow: z.strictObject({ minPairs: z.int().min(1).default(500) }),
  }),
  z.strictObject({
    /** Share of the units in percent, in steps of a hundredth. */
    canary: z.number().gt(0).max(100).multipleOf(0.01),
    minRequests: z.int().min(1).default(500),
    /** Shortest time in the stage, by domain time. */
    bakeMs: z.int().min(0).default(0),
  }),
])

/** How a new version is brought in. Margins are how much worse than stable a candidate may be at most. */
const rolloutPlanSchema = z.strictObject({
  /** `auto` plans them from the deployment's traffic and label delay, or says by when it could decide. */
  stages: z.union([z.literal('auto'), z.array(stage).min(1).max(10)]),
  margins: z
    .strictObject({
      /** Share of failed requests. */
      error: z.number().min(0).max(1).default(0.005),
      /** Share of requests slower than the deployment's `latencySloMs`. */
      latency: z.number().min(0).max(1).default(0.02),
      /** Mean loss of a row: clipped log loss, squared error. */
      loss: z.number().min(0).default(0.01),
    })
    .prefault({}),
  /** Overall chance of rolling back a candidate that does no harm. */
  alpha: z.number().gt(0).lt(0.5).default(0.05),
  /** What must be shown to be within its margin before promotion; default the loss where labels are expected, else errors. */
  promoteOn: z
    .array(z.enum(['error', 'latency', 'loss']))
    .min(1)
    .optional(),
  /** A rollout that cannot decide within this domain time is rolled back. */
  timeoutMs: z
    .int()
    .min(1)
    .default(14 * days),
})

export const deploymentSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'Letters, digits, dot, dash and underscore'),
  /** Name of the registered model that is served. */
  model: z.string().min(1),
  unit: unit.default('request'),
  /** The entity that requests may always name, by its key, whether the model uses it or not. */
  entity: z.strictObject({ name: z.string().min(1), key: z.string().min(1) }).optional(),
  threshold: z.number().optional(),
  fallback: fallbackSchema.optional(),
  latencySloMs: z.number().gt(0).default(50),
  label: z
    .strictObject({
      /** The longest time from a prediction to its label. */
      horizonMs: z.int().min(0),
    })
    .optional(),
  rollout: rolloutPlanSchema.optional(),
  /** What is done with personal columns of requests, beyond what the datasets behind its features say. */
  personal: personalPolicies.optional(),
})
export type DeploymentDefinition = z.output<typeof deploymentSchema>

type Named = string | { readonly name: string }
export interface DeploymentOptions extends Omit<
  z.input<typeof deploymentSchema>,
  'name' | 'model' | 'entity' | 'fallback'
> {
  model: Named
  entity?: { readonly name: string; readonly key: string }
  fallback?: Partial<Fallback>
}

/**
 * A named endpoint that serves a registered model. `unit` is what a canary assigns to a variant (default: each request),
 * `threshold` turns a binary score into the decision `true` or `false`, `fallback` is what is answered when features are
 * stale or missing, `label.horizonMs` is how long a label may take. `personal` says what is done with columns of requests before they are used
 * and logged, such as `{ email: 'hash' }`; where it says nothing, what the datasets behind the features say holds.
 */
export function deployment(name: string, options: DeploymentOptions): DeploymentDefinition {
  const { model, entity, ...rest } = options
  return deploymentSchema.parse({
    ...rest,
    name,
    model: nameOf(model),
    ...(entity !== undefined && { entity: { name: entity.name, key: entity.key } }),
  })
}

function nameOf(named: Named): string {
  return typeof named === 'string' ? named : named.name
}
