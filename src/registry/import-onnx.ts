import type { Context } from '../http/context.ts'
import { requirePermission } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Datatype, InferenceSession, Tensor, TensorSpec } from '../ports/inference/inference.ts'
import type { Caller } from './models.ts'
import { signatureOf } from './graph-signature.ts'
import { openGraph } from './open-graph.ts'
import type { ModelVersion, Signature } from './schema.ts'
import { findModelRow } from './store.ts'
import { listModelVersions, registerVersion } from './versions.ts'

export const importedTasks = ['binary', 'multiclass', 'regression'] as const
type ImportedTask = (typeof importedTasks)[number]

export interface ImportOnnx extends Caller {
  model: string
  onnx: Uint8Array
  /** Where the file came from, for people. */
  source: string
  /** Default: the model's own task, else what the outputs suggest. */
  task?: ImportedTask | undefined
}

/**
 * Registers an ONNX file that was trained elsewhere; the model is made when there is none. The signature is read from the
 * graph, and one row of zeros is run through it. The same bytes give the version they have already. Throws `invalid` for
 * a file that can't be served, or whose task is not clear.
 */
export async function importOnnx(
  context: Pick<Context, 'db' | 'clock' | 'ids' | 'artifacts'>,
  input: ImportOnnx,
): Promise<{ version: ModelVersion; created: boolean }> {
  const { projectId, actor, model, onnx, source } = input
  requirePermission(actor, 'contribute', projectId)
  const row = await findModelRow(context.db.read, projectId, model)
  const known = row?.deleted_ms === null ? row : undefined
  const signature = await readSignature(onnx, input.task ?? (known?.task as ImportedTask | undefined))
  const blob = await context.artifacts.put(onnx)
  const versions = known ? await listModelVersions(context, { projectId, actor, model }) : []
  const same = versions.find(
    (version) => version.onnxSha256 === blob.sha256 && version.task === signature.task,
  )
  if (same) return { version: same, created: false }
  const version = await registerVersion(context, {
    projectId,
    actor,
    model,
    source,
    onnx: blob,
    signature,
    createModel: true,
  })
  return { version, created: true }
}

/** Read from the graph, through which one row of zeros is run. Throws `invalid` where it can't be served or its task is not clear. */
export async function readSignature(
  onnx: Uint8Array | string,
  task: ImportedTask | undefined,
): Promise<Signature> {
  await using session = await openGraph(onnx)
  requireServable(session)
  await session.run(Object.fromEntries(session.inputs.map((spec) => [spec.name, blankTensor(spec)])))
  const known = task ?? taskOf(session.outputs)
  requireScore(session, known)
  return signatureOf(session, { task: known })
}

/** What a gateway could not serve is refused before it has a version. */
function requireServable({ inputs, outputs }: InferenceSession): void {
  for (const { name, shape } of [...inputs, ...outputs]) {
    if (shape.slice(1).every((size) => size > 0)) continue
    throw new AppError(
      'invalid',
      `"${name}" has the shape [${shape.join(', ')}]; only the first dimension, the rows, may be free. Export it with fixed ones`,
    )
  }
  const fixed = inputs.find(({ shape }) => (shape[0] ?? 1) > 1)
  if (!fixed) return
  const { name, shape } = fixed
  throw new AppError(
    'invalid',
    `"${name}" takes ${shape[0]} rows at a time; export it with a free first dimension`,
  )
}

function requireScore({ outputs, skippedOutputs }: InferenceSession, task: ImportedTask): void {
  const isScore = ({ datatype }: TensorSpec): boolean =>
    datatype.startsWith('FP') || (task === 'regression' && datatype !== 'BYTES')
  if (outputs.some(isScore)) return
  const names = outputs.map(({ name, datatype }) => `${name} ${datatype}`).join(', ')
  const hint =
    skippedOutputs.length > 0 ? ` (${skippedOutputs.join(', ')} is no tensor; export without ZipMap)` : ''
  throw new AppError(
    'invalid',
    `A ${task} model needs an output with its score; this one has ${names}${hint}`,
  )
}

/** Probabilities are a classification, by their width; a single float is a regression. */
function taskOf(outputs: readonly TensorSpec[]): ImportedTask {
  const floats = outputs.filter(({ datatype }) => datatype.startsWith('FP'))
  const width = ({ shape }: TensorSpec): number => shape.slice(1).reduce((product, size) => product * size, 1)
  const probabilities = floats.find(({ name }) => /prob/i.test(name))
  if (probabilities) return width(probabilities) <= 2 ? 'binary' : 'multiclass'
  const [only] = floats
  if (only && outputs.length === 1 && width(only) === 1) return 'regression'
  const described = outputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(', ')}]`)
  throw new AppError(
    'invalid',
    `The outputs do not tell what the model predicts: ${described.join('; ')}. Name its task: ${importedTasks.join(', ')}`,
  )
}

const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const satisfies Record<Exclude<Datatype, 'BYTES'>, unknown>

function blankTensor({ datatype, shape }: TensorSpec): Tensor {
  const dimensions = shape.map((size) => Math.max(size, 1))
  const length = dimensions.reduce((product, size) => product * size, 1)
  const data = datatype === 'BYTES' ? Array.from({ length }, () => '') : new ARRAYS[datatype](length)
  return { datatype, shape: dimensions, data }
}
