import { AppError } from '../kernel/errors.ts'
import type { Datatype, Tensor, TensorData, TensorSpec } from '../ports/inference/inference.ts'
import { allocate } from '../ports/inference/tensors.ts'
import type { Column, ColumnValue, LoggedOutput } from '../prediction-log/prediction-log.ts'

/** How feature columns become a model's input tensors. */
export interface FeedPlan {
  /** Feature columns for each row of each input: `width` values from one column, or one value from each of several. */
  readonly inputs: readonly { spec: TensorSpec; columns: readonly number[]; width: number }[]
  readonly outputs: readonly LoggedOutput[]
  /** Rows of every call when the graph fixes them; undefined when any number will do. */
  readonly fixedRows: number | undefined
  /** What a missing text is to the model. Default: an empty one. */
  readonly missingText?: null
}

export interface PlannedFeature {
  name: string
  width: number
}

/**
 * Fits features to a graph's inputs: one input for each feature, by name; or a single input that takes all features side by
 * side, in order. Throws `invalid` when neither fits, and for dimensions other than the first that may vary.
 */
export function planFeeds(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  features: readonly PlannedFeature[],
): FeedPlan {
  const fixed = new Set(inputs.map(({ shape }) => shape[0] ?? 1).filter((rows) => rows >= 0))
  if (fixed.size > 1 || (fixed.size === 1 && !fixed.has(1))) {
    throw new AppError(
      'invalid',
      'The model fixes its number of rows to other than one; export it with a free first dimension',
    )
  }
  return {
    inputs: isPacked(inputs, features)
      ? [packed(inputs[0]!, features)]
      : inputs.map((spec) => named(spec, features)),
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, width: widthOf(name, shape) })),
    fixedRows: fixed.size === 1 ? 1 : undefined,
  }
}

function isPacked(inputs: readonly TensorSpec[], features: readonly PlannedFeature[]): boolean {
  const [only, ...others] = inputs
  return only !== undefined && others.length === 0 && !features.some(({ name }) => name === only.name)
}

function packed(spec: TensorSpec, features: readonly PlannedFeature[]): FeedPlan['inputs'][number] {
  const width = widthOf(spec.name, spec.shape, features.length)
  if (width !== features.length || features.some((feature) => feature.width !== 1)) {
    throw new AppError(
      'invalid',
      `The model's input "${spec.name}" takes ${width} values, but there are ${features.length} features`,
    )
  }
  return { spec, columns: features.map((_, i) => i), width: 1 }
}

function named(spec: TensorSpec, features: readonly PlannedFeature[]): FeedPlan['inputs'][number] {
  const column = features.findIndex(({ name }) => name === spec.name)
  if (column < 0) {
    const known = features.map(({ name }) => name).join(', ')
    throw new AppError(
      'invalid',
      `The model has an input "${spec.name}", which is none of the features ${known}`,
    )
  }
  return { spec, columns: [column], width: widthOf(spec.name, spec.shape, features[column]!.width) }
}

/** Values for each row of a tensor. One free dimension behind the first is taken from `free`. */
export function widthOf(name: string, shape: readonly number[], free?: number): number {
  const inner = shape.slice(1)
  const known = inner.filter((size) => size >= 0).reduce((a, b) => a * b, 1)
  const open = inner.length - inner.filter((size) => size >= 0).length
  if (open === 0) return known
  if (open === 1 && free !== undefined && known > 0) return free / known
  throw new AppError(
    'invalid',
    `"${name}" has free dimensions behind its first (${shape.join(', ')}); only the first may be free`,
  )
}

/** The rows of one request within a batch. */
export interface FeedRows {
  rows: number
  features: readonly (Column | undefined)[]
}

/** Lays the rows of several requests behind each other into input tensors. */
export function assembleFeeds(
  plan: FeedPlan,
  parts: readonly FeedRows[],
  rows: number,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {}
  for (const { spec, columns, width } of plan.inputs) {
    const stride = columns.length * width
    const data = allocate(spec.datatype, rows * stride)
    let start = 0
    for (const part of parts) {
      for (let c = 0; c < columns.length; c++) {
        const column = part.features[columns[c]!]
        const place = { start: start + c * width, rows: part.rows, width, stride }
        fill(data, spec.datatype, column, place, plan.missingText)
      }
      start += part.rows * stride
    }
    feeds[spec.name] = { datatype: spec.datatype, shape: shapeOf(spec.shape, rows, stride), data }
  }
  return feeds
}

function fill(
  data: TensorData,
  datatype: Datatype,
  column: Column | undefined,
  { start, rows, width, stride }: { start: number; rows: number; width: number; stride: number },
  missingText: string | null = '',
): void {
  // Where nothing is given, a number is NaN and a text is empty: what missing is to a model.
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const value = column === undefined ? null : (column[row * width + i] ?? null)
      const at = start + row * stride + i
      if (datatype === 'FP32' || datatype === 'FP64') {
        ;(data as Float64Array)[at] = typeof value === 'number' ? value : value === null ? NaN : Number(value)
      } else if (datatype === 'BYTES')
        (data as (string | null)[])[at] = value === null ? missingText : String(value)
      else if (datatype === 'INT64' || datatype === 'UINT64') (data as BigInt64Array)[at] = toBigInt(value)
      else (data as Int32Array)[at] = Number(value)
    }
  }
}

function toBigInt(value: ColumnValue): bigint {
  return typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)))
}

function shapeOf(spec: readonly number[], rows: number, stride: number): number[] {
  if (spec.length === 0) return []
  const free = spec
    .slice(1)
    .filter((size) => size >= 0)
    .reduce((a, b) => a * b, 1)
  return spec.map((size, axis) => (axis === 0 ? rows : size >= 0 ? size : stride / free))
}

/** Rows that stand for any: zeros and empty texts. */
export function blankFeeds(plan: FeedPlan, rows: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {}
  for (const { spec, columns, width } of plan.inputs) {
    const stride = columns.length * width
    const data = allocate(spec.datatype, rows * stride)
    if (spec.datatype === 'BYTES') (data as string[]).fill('')
    feeds[spec.name] = { datatype: spec.datatype, shape: shapeOf(spec.shape, rows, stride), data }
  }
  return feeds
}
