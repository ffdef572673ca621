import { AppError } from '../kernel/errors.ts'
import type { InferenceSession, Tensor } from '../ports/inference/inference.ts'
import { openModel } from '../ports/inference/onnx.ts'
import type { TrainedModel } from './learners.ts'
import { checkFrame, numbersOf } from './inputs.ts'
import type { CategoryColumn, FeatureSpec, Frame } from './schema.ts'

export interface Parity {
  readonly rows: number
  /** The greatest difference of any probability; of a value, as a share of the greater of 1 and its size. */
  readonly maxDifference: number
  /** Rows whose label is not the class with the greatest probability in the trainer's prediction, ties within `TIE` aside. */
  readonly labelMismatches: number
}

const BATCH_ROWS = 256
const TIE = 1e-5

/** Runs an exported graph on every row of a frame and compares it with the trainer's own prediction. */
export async function checkParity(model: TrainedModel, bytes: Uint8Array, frame: Frame): Promise<Parity> {
  checkFrame(frame, model.features)
  await using session = await openModel(bytes)
  const expected = model.predict(frame)
  let maxDifference = 0
  let labelMismatches = 0
  for (let from = 0; from < frame.rows; from += BATCH_ROWS) {
    const to = Math.min(from + BATCH_ROWS, frame.rows)
    const { actual, labels } = await runRows(session, model, frame, from, to)
    for (let i = 0; i < actual.length; i++) {
      // What float32 cannot hold is infinite on both sides.
      const own = Math.fround(expectedAt(model, expected, from * model.classes + i))
      const scale = model.task === 'regression' ? Math.max(1, Math.abs(own)) : 1
      const difference = Math.abs(actual[i]! - own) / scale
      // A NaN on one side alone must not pass.
      if (!(difference <= maxDifference) && !Object.is(actual[i], own))
        maxDifference = Number.isNaN(difference) ? Infinity : difference
    }
    labels?.forEach((label, i) => {
      if (!isBest(model, expected, from + i, Number(label))) labelMismatches += 1
    })
  }
  return { rows: frame.rows, maxDifference, labelMismatches }
}

/** A frame's rows as the exported graph takes them. */
function toFeeds(
  frame: Frame,
  features: readonly FeatureSpec[],
  from: number,
  to: number,
): Record<string, Tensor> {
  const shape = [to - from, 1]
  return Object.fromEntries(
    features.map(({ name, kind }): [string, Tensor] => {
      if (kind === 'number')
        return [name, { datatype: 'FP32', shape, data: numbersOf(frame, name, from, to) }]
      const { codes, categories } = frame.columns[name] as CategoryColumn
      const data = Array.from(codes.subarray(from, to), (code) => categories[code] ?? '')
      return [name, { datatype: 'BYTES', shape, data }]
    }),
  )
}

async function runRows(
  session: InferenceSession,
  model: TrainedModel,
  frame: Frame,
  from: number,
  to: number,
): Promise<{ actual: Float32Array; labels: BigInt64Array | undefined }> {
  const outputs = await session.run(toFeeds(frame, model.features, from, to))
  const main = outputs[model.task === 'regression' ? 'value' : 'probabilities']
  if (!(main?.data instanceof Float32Array) || main.data.length !== (to - from) * model.classes) {
    throw new AppError('invalid', 'The graph does not have the outputs of an exported model.')
  }
  const labels = outputs['label']?.data
  return { actual: main.data, labels: labels instanceof BigInt64Array ? labels : undefined }
}

/** The trainer's prediction at a place of the graph's rows × classes output. */
function expectedAt({ task }: TrainedModel, expected: Float64Array, at: number): number {
  if (task !== 'binary') return expected[at]!
  const positive = expected[at >>> 1]!
  return at % 2 === 1 ? positive : 1 - positive
}

function isBest(model: TrainedModel, expected: Float64Array, row: number, label: number): boolean {
  const of = (other: number) => expectedAt(model, expected, row * model.classes + other)
  for (let other = 0; other < model.classes; other++) if (of(other) > of(label) + TIE) return false
  return true
}
