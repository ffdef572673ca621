import { AppError } from '../../kernel/errors.ts'
import { parseTime } from '../../kernel/time.ts'
import type { Datatype } from '../../ports/inference/inference.ts'
import {
  MAX_REQUEST_ROWS,
  parseJson,
  takesDatatype,
  type InputSpec,
  type LiveDeployment,
} from '../../serving/serving.ts'
import type { Column, ColumnValue } from '../../prediction-log/prediction-log.ts'
import { decodeElements, isDatatype, isElement } from './datatypes.ts'

const MAX_ID_LENGTH = 200

/** Parameters that would change what a request means, and that this server does not have. */
const REFUSED_PARAMETERS = [
  'sequence_id',
  'sequence_start',
  'sequence_end',
  'priority',
  'timeout',
  'classification',
]

/** A decoded inference request. */
export interface InferRequest {
  id: string | undefined
  rows: number
  columns: (Column | undefined)[]
  /** Names of the outputs that are wanted, and whether each comes as raw bytes; undefined for all. */
  outputs: { name: string; binary: boolean }[] | undefined
  /** Whether outputs that do not say so themselves come as raw bytes. */
  binary: boolean
}

interface Members {
  readonly [name: string]: unknown
}
const NONE: Members = {}

/** Decodes a request against a deployment's inputs. Throws `invalid` with the place of what is wrong. */
export function decodeInfer(
  deployment: LiveDeployment,
  body: Buffer,
  headerLength: string | undefined,
): InferRequest {
  if (headerLength === '0') return decodeRaw(deployment, body)
  const jsonBytes = headerLength === undefined ? body.length : toLength(headerLength, body.length)
  const message = parseJson(jsonBytes === body.length ? body : body.subarray(0, jsonBytes))
  const root = asObject(message, 'The request')
  const parameters = parametersOf(root, 'the request')
  if (!Array.isArray(root['inputs']) || root['inputs'].length === 0) {
    throw new AppError(
      'invalid',
      `"inputs" must be a list of tensors; this deployment takes ${namesOf(deployment)}`,
    )
  }
  const raw = { bytes: body, at: jsonBytes }
  const columns: (Column | undefined)[] = deployment.inputs.map(() => undefined)
  const seen = new Set<string>()
  let rows = -1
  for (const given of root['inputs'] as unknown[]) {
    const tensor = asObject(given, 'An input')
    const input = inputOf(deployment, tensor['name'], seen)
    const count = rowsOf(input, tensor['shape'])
    if (rows >= 0 && count !== rows) {
      throw new AppError(
        'invalid',
        `Input "${input.name}" has ${count} rows, but the ones before it have ${rows}`,
      )
    }
    rows = count
    deployment.place(input.name, columnOf(input, tensor, count, raw), count, columns)
  }
  if (raw.at !== body.length) {
    throw new AppError(
      'invalid',
      `${body.length - raw.at} bytes follow the last tensor; check binary_data_size`,
    )
  }
  return {
    id: idOf(root['id']),
    rows,
    columns,
    outputs: outputsOf(deployment, root['outputs'], parameters),
    binary: parameters['binary_data_output'] === true,
  }
}

/** The whole body is one tensor of one row, without JSON. */
function decodeRaw(deployment: LiveDeployment, body: Buffer): InferRequest {
  const input = deployment.onlyInput
  if (input === undefined) {
    throw new AppError(
      'invalid',
      `A raw request needs a model with one input; this one takes ${namesOf(deployment)}`,
    )
  }
  const values = decodeElements(input.datatype, body, input.width)
  if (values === undefined) {
    throw new AppError(
      'invalid',
      `The body is no ${input.datatype} tensor of one row with ${input.width} values`,
    )
  }
  const columns: (Column | undefined)[] = deployment.inputs.map(() => undefined)
  deployment.place(input.name, toColumn(input, values), 1, columns)
  return { id: undefined, rows: 1, columns, outputs: undefined, binary: true }
}

function columnOf(
  input: InputSpec,
  tensor: Members,
  rows: number,
  raw: { bytes: Buffer; at: number },
): Column {
  const { datatype } = tensor
  if (!isDatatype(datatype)) {
    throw new AppError(
      'invalid',
      `Input "${input.name}" has datatype ${JSON.stringify(datatype)}; expected ${input.datatype}`,
    )
  }
  if (!takesDatatype(input, datatype)) {
    throw new AppError(
      'invalid',
      `Input "${input.name}" has datatype ${datatype}; expected ${input.datatype}`,
    )
  }
  const count = rows * input.width
  const size = parametersOf(tensor, input.name)['binary_data_size']
  if (size === undefined) return fromJson(input, datatype, tensor['data'], count)
  if (tensor['data'] !== undefined) {
    throw new AppError(
      'invalid',
      `Input "${input.name}" has both data and binary_data_size; give one of them`,
    )
  }
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || raw.at + size > raw.bytes.length) {
    throw new AppError(
      'invalid',
      `Input "${input.name}": binary_data_size ${JSON.stringify(size)} goes beyond the body`,
    )
  }
  const values = decodeElements(datatype, raw.bytes.subarray(raw.at, raw.at + size), count)
  if (values === undefined) {
    throw new AppError(
      'invalid',
      `Input "${input.name}": ${size} bytes are not ${count} values of ${datatype}`,
    )
  }
  raw.at += size
  return toColumn(input, values)
}

function fromJson(input: InputSpec, datatype: Datatype, data: unknown, count: number): Column {
  if (!Array.isArray(data)) {
    throw new AppError('invalid', `Input "${input.name}": "data" must be a list of ${count} values`)
  }
  const values = count > 0 && Array.isArray(data[0]) ? flatten(input, data) : (data as unknown[])
  if (values.length !== count) {
    throw new AppError(
      'invalid',
      `Input "${input.name}" has ${values.length} values, but its shape says ${count}`,
    )
  }
  for (let i = 0; i < count; i++) {
    const value = values[i]
    if (value === null ? input.nullable : isElement(datatype, value)) continue
    const shown = JSON.stringify(value)?.slice(0, 40)
    throw new AppError(
      'invalid',
      `Input "${input.name}", value ${i}: ${shown} is no ${datatype}${value === null ? ' and the model takes no null' : ''}`,
    )
  }
  return input.kind === 'timestamp' ? toTimes(input, values as ColumnValue[]) : (values as ColumnValue[])
}

function flatten(input: InputSpec, data: readonly unknown[]): unknown[] {
  const depth = input.rowShape.length + 1
  let values: readonly unknown[] = data
  for (let level = 0; level < depth && Array.isArray(values[0]); level++) values = values.flat(1)
  if (!values.some((value) => Array.isArray(value))) return [...values]
  throw new AppError('invalid', `Input "${input.name}" is nested deeper than its shape`)
}

function toColumn(input: InputSpec, values: Column): Column {
  return input.kind === 'timestamp' ? toTimes(input, values) : values
}

/** Times as milliseconds: numbers as they are, texts as ISO 8601 (UTC where they name no zone). */
function toTimes(input: InputSpec, values: Column): Column {
  return Array.from(values, (value) => {
    if (value === null) return null
    if (typeof value !== 'string') return Number(value)
    const timeMs = parseTime(value)
    if (!Number.isNaN(timeMs)) return timeMs
    throw new AppError('invalid', `Input "${input.name}": "${value.slice(0, 40)}" is no ISO 8601 time`)
  })
}

function rowsOf(input: InputSpec, shape: unknown): number {
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw new AppError('invalid', `Input "${input.name}" needs a "shape" such as ${expectedShape(input)}`)
  }
  const rows = shape.length === 0 ? 1 : shape[0]!
  if (!hasRowShape(input, shape)) {
    throw new AppError(
      'invalid',
      `Input "${input.name}" has shape [${shape.join(', ')}]; expected ${expectedShape(input)}`,
    )
  }
  if (rows < 1 || rows > MAX_REQUEST_ROWS) {
    throw new AppError(
      'invalid',
      `Input "${input.name}" has ${rows} rows; a request may have 1 to ${MAX_REQUEST_ROWS}`,
    )
  }
  return rows
}

function isSize(size: unknown): size is number {
  return Number.isInteger(size) && (size as number) >= 0
}

/** A single value for each row may come with or without dimensions of one behind the rows. */
function hasRowShape({ rowShape, width }: InputSpec, shape: readonly number[]): boolean {
  let same = shape.length === rowShape.length + 1
  let plain = width === 1
  for (let axis = 1; axis < shape.length; axis++) {
    if (shape[axis] !== rowShape[axis - 1] && rowShape[axis - 1] !== -1) same = false
    if (shape[axis] !== 1) plain = false
  }
  return same || plain
}

function expectedShape({ rowShape }: InputSpec): string {
  return `[rows${rowShape.map((size) => `, ${size}`).join('')}]`
}

function inputOf(deployment: LiveDeployment, name: unknown, seen: Set<string>): InputSpec {
  const input = typeof name === 'string' ? deployment.inputOf(name) : undefined
  if (input === undefined) {
    throw new AppError(
      'invalid',
      `There is no input ${JSON.stringify(name)}; this deployment takes ${namesOf(deployment)}`,
    )
  }
  if (!seen.has(input.name)) {
    seen.add(input.name)
    return input
  }
  throw new AppError('invalid', `Input "${String(name)}" is given twice`)
}

function outputsOf(deployment: LiveDeployment, given: unknown, parameters: Members): InferRequest['outputs'] {
  if (given === undefined) return undefined
  if (!Array.isArray(given)) throw new AppError('invalid', '"outputs" must be a list of { name }')
  return given.map((each: unknown) => {
    const output = asObject(each, 'An output')
    const { name } = output
    const known = deployment.stable.outputs
    if (typeof name !== 'string' || !known.some((spec) => spec.name === name)) {
      const names = known.map((spec) => spec.name).join(', ')
      throw new AppError('invalid', `There is no output ${JSON.stringify(name)}; the model gives ${names}`)
    }
    const binary = parametersOf(output, name)['binary_data'] ?? parameters['binary_data_output']
    return { name, binary: binary === true }
  })
}

function parametersOf(holder: Members, where: string): Members {
  const given = holder['parameters']
  if (given === undefined) return NONE
  const parameters = asObject(given, `"parameters" of ${where}`)
  const refused = REFUSED_PARAMETERS.find((name) => parameters[name] !== undefined)
  if (refused === undefined) return parameters
  throw new AppError('invalid', `"parameters" of ${where}: "${refused}" is not supported`)
}

function idOf(id: unknown): string | undefined {
  if (id === undefined || (typeof id === 'string' && id.length <= MAX_ID_LENGTH)) return id
  throw new AppError('invalid', `"id" must be a text of at most ${MAX_ID_LENGTH} characters`)
}

function toLength(text: string, most: number): number {
  const length = Number(text)
  if (/^\d+$/.test(text) && length <= most) return length
  throw new AppError(
    'invalid',
    `Inference-Header-Content-Length is "${text}", but the body has ${most} bytes`,
  )
}

function asObject(value: unknown, where: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw new AppError('invalid', `${where} must be a JSON object`)
}

function namesOf({ inputs }: LiveDeployment): string {
  return inputs.map(({ name, datatype }) => `${name} (${datatype})`).join(', ')
}
