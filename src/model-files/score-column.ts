import { AppError } from '../kernel/errors.ts'
import type { Tensor, TensorSpec } from '../ports/inference/inference.ts'
import { sizeOf } from '../ports/inference/tensors.ts'
import type { ClassLabel } from './onnx-edits.ts'
import type { Signature } from './schema.ts'

const SLACK = 1e-4

/**
 * Where the score of a row stands: for a binary task the probability of the positive class. Of two columns that is the one whose class is
 * `positive`; without it 1 or true; else the second, since classes are sorted. Throws `invalid` when there is no such output.
 */
export function findScore(
  task: string,
  outputs: readonly TensorSpec[],
  { classes, positive }: { classes?: readonly ClassLabel[] | undefined; positive?: string | undefined },
): Signature['score'] {
  const floats = outputs.filter(({ datatype }) => datatype.startsWith('FP'))
  const numbers = outputs.filter(({ datatype }) => datatype !== 'BYTES')
  const scores = floats.length === 0 && task === 'regression' ? numbers : floats
  const output = scores.find(({ name }) => task !== 'regression' && /prob|score/i.test(name)) ?? scores[0]
  if (!output) {
    const names = outputs.map(({ name, datatype }) => `${name} ${datatype}`).join(', ')
    throw new AppError('invalid', `A ${task} model needs an output with its score; this one has ${names}`)
  }
  const width = sizeOf(output.shape.slice(1))
  if (task !== 'binary') {
    if (positive !== undefined)
      throw new AppError('invalid', `A positive class belongs to a binary model; this one is ${task}`)
    return { output: output.name, ...(task === 'regression' && { column: 0 }) }
  }
  if (width > 2) {
    throw new AppError(
      'invalid',
      `A binary model gives one or two probabilities for a row; output "${output.name}" has ${width}. Import it as multiclass`,
    )
  }
  return { output: output.name, column: width === 1 ? 0 : positiveColumn(classes, positive) }
}

function positiveColumn(classes: readonly ClassLabel[] | undefined, positive: string | undefined): number {
  const texts = classes?.map(String) ?? []
  if (positive !== undefined) {
    const column = texts.indexOf(positive)
    if (column >= 0) return column
    throw new AppError(
      'invalid',
      `The model has no class "${positive}"; ${texts.length > 0 ? `it has ${texts.join(', ')}` : 'its graph names none'}`,
    )
  }
  const usual = texts.findIndex((text) => text === '1' || text.toLowerCase() === 'true')
  return usual < 0 ? 1 : usual
}

/** Scores that are no probabilities would be judged wrongly by every rollout. Throws `invalid` with a value that is none. */
export function requireProbabilities(
  { task, score }: Pick<Signature, 'task' | 'score'>,
  outputs: Readonly<Record<string, Tensor>>,
): void {
  const tensor = score && outputs[score.output]
  if (!tensor || (task !== 'binary' && task !== 'multiclass')) return
  for (const value of tensor.data) {
    if (typeof value !== 'number' || Number.isNaN(value) || (value >= -SLACK && value <= 1 + SLACK)) continue
    throw new AppError(
      'invalid',
      `Output "${score.output}" gave ${value}, which is no probability. Export the model with a sigmoid or softmax behind its scores ` +
        '(scikit-learn: wrap it in CalibratedClassifierCV), or import it as a regression',
    )
  }
}
