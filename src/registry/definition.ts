import { z } from 'zod'

/**
 * Metrics that are measured with an interval over days. Higher is better for `auc`, `accuracy`, `macro_f1` and `macro_auc`, lower for the
 * losses; `macro_f1` and `macro_auc` belong to tasks of several classes.
 */
const metricNames = [
  'log_loss',
  'auc',
  'brier',
  'accuracy',
  'mae',
  'mse',
  'rmse',
  'macro_f1',
  'macro_auc',
] as const
export const MetricName = z.enum(metricNames)
export type MetricName = z.infer<typeof MetricName>

export const Task = z.enum(['binary', 'regression'])
export type Task = z.infer<typeof Task>

export const GateDefinition = z.discriminatedUnion('gate', [
  z.strictObject({ gate: z.literal('gain'), metric: MetricName, atLeast: z.number().default(0) }),
  z.strictObject({ gate: z.literal('not_worse'), metric: MetricName, margin: z.number().min(0) }),
  z.strictObject({ gate: z.literal('beats_baseline'), metric: MetricName.optional() }),
  z.strictObject({ gate: z.literal('minimum'), metric: MetricName, value: z.number() }),
  z.strictObject({
    gate: z.literal('no_leak'),
    maxAuc: z.number().gt(0.5).max(1).default(0.97),
    maxFeatureAuc: z.number().gt(0.5).max(1).default(0.95),
    maxImportance: z.number().gt(0).max(1).default(0.98),
  }),
])
export type GateDefinition = z.infer<typeof GateDefinition>

/** Who may approve: a role and those above it, or the owner of the model and the members of its team. */
const Reviewers = z.enum(['contributor', 'maintainer', 'admin', 'owner'])

export const AliasPolicy = z.strictObject({
  approvals: z.int().min(0).max(20).default(1).describe('How many people must approve'),
  byOthers: z
    .boolean()
    .default(true)
    .describe('Approvals count from people who neither opened the promotion nor registered the version'),
  from: Reviewers.default('maintainer').describe('Who may approve: a role and those above, or the owner'),
  gates: z.boolean().default(true).describe('Whether all gates of the model must have passed'),
})
/** What must be so before a protected alias moves. */
export type AliasPolicy = z.infer<typeof AliasPolicy>

const AliasName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\w-]+$/, 'an alias has letters, digits, _ and -')

/** A user's name, or `team:<name>`. */
export const Owner = z
  .string()
  .max(200)
  .regex(/^(team:)?\S(.*\S)?$/, 'an owner is the name of a user, or team:<name>')

export const ModelDefinition = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[^/:]+$/, 'a model name has no / and no :'),
  task: Task,
  description: z.string().optional(),
  owner: Owner.optional().describe('A user’s name, or team:<name>'),
  gates: z.array(GateDefinition).default([]),
  protect: z
    .record(AliasName, AliasPolicy)
    .default({})
    .describe('Aliases that move only by an approved promotion'),
})
/** What a project declares of a registered model. */
export type ModelDefinition = z.infer<typeof ModelDefinition>

/**
 * Declares a registered model: what it predicts, and the gates that a version must pass before it may be deployed.
 *
 *     model('late', { task: 'binary', gates: [gain({ metric: 'log_loss' }), beatsBaseline(), noLeak()] })
 *
 * `protect` names aliases that move only by an approved promotion: `protect: { champion: { approvals: 1, from: 'maintainer' } }`.
 */
export function model(name: string, options: Omit<z.input<typeof ModelDefinition>, 'name'>): ModelDefinition {
  return ModelDefinition.parse({ name, ...options })
}

/**
 * Better than the champion: the lower bound of the gain is above `atLeast` (default 0). For a loss the gain is how much lower it is.
 * The first version has no champion to beat and passes.
 */
export function gain(options: { metric: MetricName; atLeast?: number }): GateDefinition {
  return GateDefinition.parse({ gate: 'gain', ...options })
}

/** No more than `margin` worse than the champion, by the lower bound of the gain. */
export function notWorse(options: { metric: MetricName; margin: number }): GateDefinition {
  return GateDefinition.parse({ gate: 'not_worse', ...options })
}

/** Better than the baseline that is evaluated beside it. The metric is log loss, or squared error of a regression, unless another is named. */
export function beatsBaseline(options: { metric?: MetricName } = {}): GateDefinition {
  return GateDefinition.parse({ gate: 'beats_baseline', ...options })
}

/** At least as good as a fixed value: not below it for AUC, not above it for a loss, by the interval. */
export function minimum(options: { metric: MetricName; value: number }): GateDefinition {
  return GateDefinition.parse({ gate: 'minimum', ...options })
}

/**
 * Suspects that the training data held the answer: an AUC of `maxAuc` (default .97) or more, one feature that ranks the holdout by itself
 * with an AUC of `maxFeatureAuc` (default .95) or more, one feature without which `maxImportance` (default .98) of an AUC gain of
 * at least .2 is gone, or a feature whose values were known only after the event.
 */
export function noLeak(
  options: { maxAuc?: number; maxFeatureAuc?: number; maxImportance?: number } = {},
): GateDefinition {
  return GateDefinition.parse({ gate: 'no_leak', ...options })
}
