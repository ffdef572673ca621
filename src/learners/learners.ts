import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Fitted, Training } from './fitted.ts'
import { checkFrame, checkTrainable } from './inputs.ts'
import { trainLogistic } from './logistic.ts'
import { lossOf, sigmoid, softmax } from './losses.ts'
import { exportOnnx, OUTPUT_NAMES } from './onnx-model.ts'
import { trainPrior } from './prior.ts'
import { FeatureSpec, learnerParams, Task } from './schema.ts'
import type { Frame, Learner } from './schema.ts'
import { checkTarget } from './targets.ts'
import { trainTrees } from './trees.ts'

export { checkParity } from './parity.ts'

export interface TrainRequest {
  readonly learner: Learner
  readonly task: Task
  readonly frame: Frame
  /** One label for each row: 0 or 1, a class from 0 on, or a value. */
  readonly target: Float64Array
  readonly features: readonly FeatureSpec[]
  /** The learner's params (see schema.ts); a missing one takes its default, an unknown one is refused. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Its loss is described; trees also stop early by it. */
  readonly validation?: { readonly frame: Frame; readonly target: Float64Array }
  /** Decides all random choices; 0 unless given. The same request gives the same bytes. */
  readonly seed?: number
}

export interface TrainedModel {
  readonly learner: Learner
  readonly task: Task
  readonly features: readonly FeatureSpec[]
  /** Classes of a classification, 1 for a regression. */
  readonly classes: number
  /** The probability of class 1, or the value, for each row; for multiclass rows × classes, row-major. */
  predict(frame: Frame): Float64Array
  /** For each feature: the gain summed over splits (trees), the spread of its part of the score (logistic), or 0 (prior). */
  readonly importance: Readonly<Record<string, number>>
  /**
   * One graph from the raw features: an input [-1, 1] for each, FP32 (NaN is missing) or BYTES (the empty text is missing). Outputs
   * `label` INT64 [-1] and `probabilities` FP32 [-1, classes], or `value` FP32 [-1, 1].
   */
  toOnnx(): Uint8Array
  describe(): JsonObject
}

/** Trains a model. Deterministic. Throws `invalid` for params, features, frames and targets that cannot be learned from. */
export function train(request: TrainRequest): TrainedModel {
  const training = parseTraining(request)
  const { task, features, outputs, validation } = training
  const { fitted, params } = fit(request, training)
  const classes = task === 'binary' ? 2 : outputs
  const importance = Object.fromEntries(features.map(({ name }, i) => [name, fitted.importance[i]!]))
  const validationLoss = validation && lossOn(fitted, training, validation)
  const description: JsonObject = {
    learner: request.learner,
    task,
    classes,
    params,
    seed: training.seed,
    rows: training.frame.rows,
    features: features.map(({ name, kind }) => ({ name, kind })),
    importance,
    ...(validationLoss === undefined ? {} : { validationLoss }),
    ...fitted.summary,
  }
  return {
    learner: request.learner,
    task,
    features,
    classes,
    importance,
    predict: (frame) => {
      checkFrame(frame, features)
      return toPredictions(task, outputs, fitted.scores(frame))
    },
    toOnnx: () => exportOnnx(fitted, task, classes, features, { learner: request.learner, task }),
    describe: () => structuredClone(description),
  }
}

/** The params with defaults filled in. Throws `invalid` for an unknown learner, an unknown param, or a value out of range. */
function parseParams<L extends Learner>(
  learner: L,
  params: Readonly<Record<string, unknown>> = {},
): z.infer<(typeof learnerParams)[L]> {
  if (!Object.hasOwn(learnerParams, learner)) {
    const known = Object.keys(learnerParams).join(', ')
    throw new AppError('invalid', `There is no learner "${learner}"; there are ${known}.`)
  }
  const result = learnerParams[learner].safeParse(params)
  if (!result.success) {
    const known = Object.keys(learnerParams[learner].shape).join(', ') || 'none'
    const problem = z.prettifyError(result.error)
    throw new AppError('invalid', `Params of ${learner} are wrong: ${problem}. Its params are: ${known}.`)
  }
  return result.data as z.infer<(typeof learnerParams)[L]>
}

function fit(request: TrainRequest, training: Training): { fitted: Fitted; params: JsonObject } {
  switch (request.learner) {
    case 'logistic': {
      const params = parseParams('logistic', request.params)
      return { fitted: trainLogistic(training, params), params }
    }
    case 'trees': {
      const { earlyStoppingRounds, ...others } = parseParams('trees', request.params)
      if (earlyStoppingRounds !== undefined && !training.validation) {
        throw new AppError(
          'invalid',
          'earlyStoppingRounds needs a validation frame; give one or leave it out.',
        )
      }
      const params = { ...others, ...(earlyStoppingRounds === undefined ? {} : { earlyStoppingRounds }) }
      return { fitted: trainTrees(training, params), params }
    }
    case 'prior':
      return { fitted: trainPrior(training), params: parseParams('prior', request.params) }
  }
}

function parseTraining({
  learner,
  task,
  frame,
  target,
  features,
  params,
  validation,
  seed = 0,
}: TrainRequest): Training {
  parseParams(learner, params)
  if (!Task.safeParse(task).success) {
    throw new AppError('invalid', `There is no task "${task}"; there are ${Task.options.join(', ')}.`)
  }
  if (!Number.isSafeInteger(seed)) throw new AppError('invalid', `Seed ${seed} is no whole number.`)
  checkFeatures(task, features)
  if (frame.rows === 0)
    throw new AppError('invalid', 'The training frame has no rows; at least one is needed.')
  checkFrame(frame, features)
  checkTrainable(frame, features)
  const outputs = checkTarget(task, frame, target)
  if (validation) {
    if (validation.frame.rows === 0) {
      throw new AppError('invalid', 'The validation frame has no rows; leave it out or give it at least one.')
    }
    checkFrame(validation.frame, features)
    checkTarget(task, validation.frame, validation.target, outputs)
  }
  return { task, outputs, frame, target, features, validation, seed }
}

function checkFeatures(task: Task, features: readonly FeatureSpec[]): void {
  const result = z.array(FeatureSpec).min(1).safeParse(features)
  if (!result.success) {
    throw new AppError(
      'invalid',
      `Features are wrong: ${z.prettifyError(result.error)}. At least one { name, kind: 'number' | 'category' } is needed.`,
    )
  }
  const names = features.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new AppError('invalid', `Feature "${twice}" is declared twice; names must be unique.`)
  const taken = names.find((name) => OUTPUT_NAMES[task].includes(name))
  if (taken !== undefined) {
    throw new AppError(
      'invalid',
      `A feature cannot be called "${taken}": an output of the exported model has that name. Rename it.`,
    )
  }
}

function lossOn(
  fitted: Fitted,
  { task, outputs }: Training,
  { frame, target }: { frame: Frame; target: Float64Array },
): number {
  const scores = fitted.scores(frame)
  const columns = Array.from({ length: outputs }, (_, output) =>
    target.map((_, row) => scores[row * outputs + output]!),
  )
  return lossOf(task, outputs).mean(columns, target)
}

function toPredictions(task: Task, outputs: number, scores: Float64Array): Float64Array {
  if (task === 'binary') return scores.map(sigmoid)
  if (task === 'multiclass') {
    for (let at = 0; at < scores.length; at += outputs) softmax(scores.subarray(at, at + outputs))
  }
  return scores
}
