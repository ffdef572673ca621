import { z } from 'zod'
import { AppError, messageOf } from '../kernel/errors.ts'
import type { Datatype } from '../ports/inference/inference.ts'
import type { PythonTensor, Signature } from './schema.ts'

/** What an MLflow model's file `MLmodel` says that serving needs. */
export interface MlflowModel {
  /** Whether MLflow's `pyfunc` can load it. */
  isPyfunc: boolean
  signature: MlflowSignature | undefined
}

export interface MlflowSignature {
  inputs: PythonTensor[]
  outputs: PythonTensor[]
  /** Inputs are the columns of one table. */
  table: boolean
  /** Inputs that may be missing values. */
  nullable: ReadonlySet<string>
}

const MlmodelFile = z.object({
  flavors: z.record(z.string(), z.unknown()),
  signature: z.object({ inputs: z.string().nullish(), outputs: z.string().nullish() }).nullish(),
})

const Column = z.object({ type: z.string(), name: z.string().optional() })
const TensorField = z.object({
  type: z.literal('tensor'),
  name: z.string().optional(),
  'tensor-spec': z.object({ dtype: z.string(), shape: z.array(z.int()).min(1) }),
})
const Schema = z.array(z.union([TensorField, Column])).min(1)

/** Parses `MLmodel`. Throws `invalid` with what is missing or can't be carried: a signature needs inputs and outputs of known types. */
export async function parseMlmodel(text: string): Promise<MlflowModel> {
  const { parse } = await import('yaml')
  let file: z.infer<typeof MlmodelFile>
  try {
    file = MlmodelFile.parse(parse(text, { maxAliasCount: 0 }))
  } catch (cause) {
    throw new AppError('invalid', `MLmodel can't be read: ${messageOf(cause)}`, { cause })
  }
  const isPyfunc = 'python_function' in file.flavors
  const { inputs, outputs } = file.signature ?? {}
  if (!isPyfunc || !inputs || !outputs) return { isPyfunc, signature: undefined }
  return { isPyfunc, signature: signatureOf(readSchema(inputs, 'inputs'), readSchema(outputs, 'outputs')) }
}

type Fields = z.infer<typeof Schema>

function readSchema(text: string, which: string): Fields {
  try {
    return Schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError(
      'invalid',
      `The ${which} of the signature in MLmodel can't be read: ${messageOf(cause)}`,
      { cause },
    )
  }
}

function signatureOf(inputs: Fields, outputs: Fields): MlflowSignature {
  const table = !('tensor-spec' in inputs[0]!)
  const taken = inputs.map((field) => toTensor(field, 'input'))
  const unnamed = taken.find(({ unnamed }) => unnamed)
  if (unnamed && (table || taken.length > 1))
    throw new AppError(
      'invalid',
      'The inputs of the signature need names: log the model with a DataFrame as its example',
    )
  const floats = inputs.filter((field) => ['double', 'float', 'string'].includes(field.type))
  return {
    inputs: taken,
    outputs: outputs.map((field) => toTensor(field, 'output')),
    table,
    nullable: new Set(floats.flatMap(({ name }) => name ?? [])),
  }
}

const COLUMN_TYPES: Readonly<Record<string, Datatype>> = {
  boolean: 'BOOL',
  integer: 'INT32',
  long: 'INT64',
  float: 'FP32',
  double: 'FP64',
  string: 'BYTES',
  datetime: 'INT64',
}

const DTYPES: Readonly<Record<string, Datatype>> = {
  bool: 'BOOL',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  float32: 'FP32',
  float64: 'FP64',
  object: 'BYTES',
  str: 'BYTES',
}

const DEFAULT_NAMES = { input: 'input', output: 'predictions' } as const

function toTensor(field: Fields[number], which: 'input' | 'output'): PythonTensor {
  const name = field.name ?? DEFAULT_NAMES[which]
  const unnamed = field.name === undefined && { unnamed: true }
  if ('tensor-spec' in field) {
    const { dtype, shape } = field['tensor-spec']
    const datatype = DTYPES[dtype.startsWith('<U') ? 'str' : dtype]
    if (datatype === undefined)
      throw new AppError(
        'invalid',
        `The ${which} "${name}" is a tensor of ${dtype}, which requests can't carry`,
      )
    if (shape[0] !== -1 || shape.slice(1).some((size) => size < 1)) {
      throw new AppError(
        'invalid',
        `The ${which} "${name}" has the shape [${shape.join(', ')}]; only the first dimension, the rows, may be free`,
      )
    }
    return { name, datatype, shape, ...unnamed }
  }
  const datatype = COLUMN_TYPES[field.type]
  if (datatype === undefined) {
    const known = Object.keys(COLUMN_TYPES).join(', ')
    throw new AppError('invalid', `The ${which} "${name}" has the type ${field.type}; served are ${known}`)
  }
  return { name, datatype, shape: [-1], ...(field.type === 'datetime' && { time: true }), ...unnamed }
}

/** The signature as the registry keeps it, for a task. */
export function toSignature(
  { inputs, outputs, nullable }: MlflowSignature,
  task: string,
): Pick<Signature, 'task' | 'inputs' | 'outputs'> {
  return {
    task,
    inputs: inputs.map(({ name, datatype, time }) => ({
      name,
      kind: time ? 'timestamp' : datatype === 'BYTES' ? 'category' : 'number',
      datatype,
      nullable: nullable.has(name),
    })),
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] })),
  }
}
