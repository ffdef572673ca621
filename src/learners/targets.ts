import { AppError } from '../kernel/errors.ts'
import type { Frame, Task } from './schema.ts'

const MAX_CLASSES = 1000

/**
 * Throws `invalid` unless there is a fitting label for each row. Returns the scores that a model needs for each row: the classes of a
 * multiclass task, otherwise 1. Labels of a validation frame are checked against `outputs` and may all be of one class.
 */
export function checkTarget(task: Task, frame: Frame, target: Float64Array, outputs?: number): number {
  if (target.length !== frame.rows) {
    throw new AppError(
      'invalid',
      `The target has ${target.length} labels, but the frame has ${frame.rows} rows; they must be equal.`,
    )
  }
  const row = target.findIndex((label) => !isLabel(task, label, outputs))
  if (row >= 0) {
    throw new AppError('invalid', `The target is ${target[row]} in row ${row}; ${expected(task, outputs)}.`)
  }
  if (task === 'regression') return 1
  const first = target[0]!
  if (outputs === undefined && target.every((label) => label === first)) {
    throw new AppError(
      'invalid',
      `Every label is ${first}; a ${task} task needs rows of at least two classes.`,
    )
  }
  if (task === 'binary') return 1
  return outputs ?? 1 + target.reduce((most, label) => Math.max(most, label), 0)
}

function isLabel(task: Task, label: number, outputs = MAX_CLASSES): boolean {
  if (task === 'regression') return Number.isFinite(label) && Number.isFinite(Math.fround(label))
  return Number.isInteger(label) && label >= 0 && label < (task === 'binary' ? 2 : outputs)
}

function expected(task: Task, outputs = MAX_CLASSES): string {
  if (task === 'regression') return 'a regression needs finite labels below 3.4e38 (float32)'
  if (task === 'binary') return 'a binary task needs labels 0 and 1'
  return `a multiclass task needs whole labels from 0 to ${outputs - 1}`
}
