import { z } from 'zod'

/** Metrics that are measured with an interval over days: `auc` is better when higher, the losses when lower. */
const metricNames = ['log_loss', 'auc', 'brier', 'mae', 'mse'] as const
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

export const ModelDefinition = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[^/:]+$/, 'a model name has no / and no :'),
  task: Task,
  description: z.string().optional(),
  gates: z.array(GateDefinition).default([]),
})
/** What a project declares of a registered model. */
export type ModelDefinition = z.infer<typeof ModelDefinition>

/**
 * Declares a registered model: what it predicts, and the gates that a version must pass before it may be deployed.
 *
 *     model('late', { task: 'binary', gates: [gain({ metric: 'log_loss' }), beatsBaseline(), noLeak()] })
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
