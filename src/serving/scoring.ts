import { AppError } from '../kernel/errors.ts'
import type { Tensors } from './executor.ts'
import type { LoggedOutput } from './prediction-rows.ts'
import type { Policy, Task } from './schema.ts'

/** Reads the score and the decision of a row out of a model's outputs. */
export interface Scoring {
  /** The probability of class 1 (binary), of the likeliest class (multiclass), or the value. NaN when there is none. */
  score(outputs: Tensors, row: number): number
  /** `true` or `false` by the threshold (binary), the label (multiclass), else null. */
  decision(outputs: Tensors, row: number, score: number, policy: Policy): string | null
}

/** Finds the outputs that carry score and label. Throws `invalid` when a task's score is nowhere to be found. */
export function planScoring(task: Task, outputs: readonly LoggedOutput[]): Scoring {
  const numeric = outputs.filter(({ datatype }) => datatype !== 'BYTES')
  const floats = numeric.filter(({ datatype }) => datatype.startsWith('FP'))
  const labels = outputs.find(({ name, width }) => width === 1 && /label|class/i.test(name))
  if (task === 'regression' || task === 'forecast') {
    const output = floats[0] ?? numeric[0]
    if (output === undefined) throw noScore(task, outputs)
    return { score: (tensors, row) => valueAt(tensors, output, row * output.width), decision: () => null }
  }
  const named = floats.find(({ name }) => /prob|score/i.test(name))
  const output = named ?? floats[0]
  if (output === undefined) throw noScore(task, outputs)
  if (task === 'binary') {
    const { width } = output
    return {
      score: (tensors, row) => valueAt(tensors, output, row * width + (width === 2 ? 1 : 0)),
      decision: (_, __, score, { threshold = 0.5 }) =>
        Number.isNaN(score) ? null : String(score >= threshold),
    }
  }
  return {
    score: (tensors, row) => valueAt(tensors, output, likeliest(tensors, output, row)),
    decision: (tensors, row) =>
      labels === undefined
        ? String(likeliest(tensors, output, row) - row * output.width)
        : String(tensors[labels.name]!.data[row]),
  }
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
