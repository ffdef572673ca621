import { AppError } from '../kernel/errors.ts'
import type { Tensors } from './executor.ts'
import type { LoggedOutput } from '../prediction-log/prediction-log.ts'
import type { Policy, Signature, Task } from './schema.ts'

/** Reads the score and the decision of a row out of a model's outputs. */
export interface Scoring {
  /** The probability of class 1 (binary), of the likeliest class (multiclass), or the value. NaN when there is none. */
  score(outputs: Tensors, row: number): number
  /** `true` or `false` by the threshold (binary), the label (multiclass), else null. */
  decision(outputs: Tensors, row: number, score: number, policy: Policy): string | null
}

/**
 * Finds the outputs that carry score and label: as the signature says, else by their names and datatypes; of two columns of a binary
 * model the second is the positive class. Throws `invalid` when a task's score is nowhere to be found.
 */
export function planScoring(
  task: Task,
  outputs: readonly LoggedOutput[],
  signature: Pick<Signature, 'classes' | 'score'> = {},
): Scoring {
  const labelled = task === 'multiclass' && labelOnly(outputs, signature)
  if (labelled) return labelled
  const output = scoreOutput(task, outputs, signature)
  const labels = outputs.find(({ name, width }) => width === 1 && /label|class/i.test(name))
  const { width } = output
  const column = signature.score?.column ?? (task === 'binary' && width === 2 ? 1 : 0)
  if (task === 'regression' || task === 'forecast')
    return { score: (tensors, row) => valueAt(tensors, output, row * width + column), decision: () => null }
  if (task === 'binary') {
    return {
      score: (tensors, row) => valueAt(tensors, output, row * width + column),
      decision: (_, __, score, { threshold = 0.5 }) =>
        Number.isNaN(score) ? null : String(score >= threshold),
    }
  }
  const { classes } = signature
  return {
    score: (tensors, row) => valueAt(tensors, output, likeliest(tensors, output, row)),
    decision(tensors, row) {
      if (labels !== undefined) return String(tensors[labels.name]!.data[row])
      const best = likeliest(tensors, output, row) - row * width
      return String(classes?.[best] ?? best)
    },
  }
}

/**
 * Name of the output with a probability for each class of a multiclass model; undefined where it gives a decision alone. `outputs` are as its signature
 * has them, with the rows as the first dimension.
 */
export function classProbabilities({
  outputs,
  ...signature
}: Pick<Signature, 'outputs' | 'score'>): string | undefined {
  const logged = outputs.map(({ shape, ...output }) => ({
    ...output,
    width: shape.slice(1).reduce((a, b) => a * b, 1),
  }))
  // Without a floating output there are none, whether the version can be served or not.
  if (labelOnly(logged, signature) || !logged.some(({ datatype }) => datatype.startsWith('FP')))
    return undefined
  const { name, width } = scoreOutput('multiclass', logged, signature)
  return width > 1 ? name : undefined
}

/** A classifier that tells its label and no probabilities, as pyfunc models do: there is a decision and no score. */
function labelOnly(
  outputs: readonly LoggedOutput[],
  { score }: Pick<Signature, 'score'>,
): Scoring | undefined {
  const [only, ...others] = outputs
  if (score || !only || others.length > 0 || only.width !== 1 || only.datatype.startsWith('FP'))
    return undefined
  return { score: () => NaN, decision: (tensors, row) => String(tensors[only.name]!.data[row]) }
}

function scoreOutput(
  task: Task,
  outputs: readonly LoggedOutput[],
  { score }: Pick<Signature, 'score'>,
): LoggedOutput {
  const declared = score && outputs.find(({ name }) => name === score.output)
  if (declared) return declared
  const numeric = outputs.filter(({ datatype }) => datatype !== 'BYTES')
  const floats = numeric.filter(({ datatype }) => datatype.startsWith('FP'))
  const continuous = task === 'regression' || task === 'forecast'
  const output = continuous
    ? (floats[0] ?? numeric[0])
    : (floats.find(({ name }) => /prob|score/i.test(name)) ?? floats[0])
  if (output === undefined) throw noScore(task, outputs)
  return output
}

function valueAt(tensors: Tensors, { name }: LoggedOutput, at: number): number {
  const value = tensors[name]!.data[at]
  return typeof value === 'number' ? value : Number(value ?? NaN)
}

function likeliest(tensors: Tensors, output: LoggedOutput, row: number): number {
  const start = row * output.width
  let best = start
  for (let at = start + 1; at < start + output.width; at++) {
    if (valueAt(tensors, output, at) > valueAt(tensors, output, best)) best = at
  }
  return best
}

function noScore(task: Task, outputs: readonly LoggedOutput[]): AppError {
  const names = outputs.map(({ name, datatype }) => `${name} ${datatype}`).join(', ')
  return new AppError('invalid', `A ${task} model needs an output with its score; this one has ${names}`)
}
