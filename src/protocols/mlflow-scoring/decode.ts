import { AppError } from '../../kernel/errors.ts'
import { parseTime } from '../../kernel/time.ts'
import { MAX_REQUEST_ROWS, parseJson, type InputSpec, type LiveDeployment } from '../../serving/serving.ts'
import type { Column, ColumnValue } from '../../prediction-log/prediction-log.ts'

const FORMS = ['dataframe_split', 'dataframe_records', 'instances', 'inputs'] as const

interface Invocation {
  rows: number
  columns: (Column | undefined)[]
}

interface Members {
  [name: string]: unknown
}

/** Decodes one of MLflow's four forms of a table. Throws `invalid` with what is wrong and what is expected. */
export function decodeInvocation(deployment: LiveDeployment, body: Buffer): Invocation {
  const root = parseJson(body)
  if (!isObject(root))
    throw new AppError('invalid', `The body must be a JSON object with one of ${FORMS.join(', ')}`)
  if (root['signature_name'] !== undefined) throw new AppError('invalid', 'signature_name is not supported')
  if (isObject(root['params']) && Object.keys(root['params']).length > 0) {
    throw new AppError('invalid', 'params are not supported: the models take none')
  }
  const forms = FORMS.filter((form) => root[form] !== undefined)
  const [form, ...others] = forms
  if (form === undefined || others.length > 0) {
    throw new AppError(
      'invalid',
      `The body must have exactly one of ${FORMS.join(', ')}; it has ${forms.join(', ') || 'none'}`,
    )
  }
  const table = toTable(deployment, form, root[form])
  if (table.rows < 1 || table.rows > MAX_REQUEST_ROWS) {
    throw new AppError('invalid', `The request has ${table.rows} rows; it may have 1 to ${MAX_REQUEST_ROWS}`)
  }
  return table
}

function toTable(deployment: LiveDeployment, form: (typeof FORMS)[number], value: unknown): Invocation {
  if (form === 'dataframe_split') return fromSplit(deployment, value)
  if (isObject(value) && form === 'inputs') return fromColumns(deployment, value)
  if (!Array.isArray(value)) throw new AppError('invalid', `"${form}" must be a list of rows`)
  if (value.length > 0 && value.every((row) => isObject(row))) return fromRecords(deployment, value)
  if (form === 'dataframe_records')
    throw new AppError('invalid', '"dataframe_records" must be a list of objects')
  return fromTensor(deployment, value)
}

function fromSplit(deployment: LiveDeployment, value: unknown): Invocation {
  const { columns: names, data } = isObject(value) ? value : {}
  if (
    !Array.isArray(names) ||
    !Array.isArray(data) ||
    !data.every((row) => Array.isArray(row) && row.length === names.length)
  ) {
    throw new AppError('invalid', '"dataframe_split" needs "columns", and "data" with rows of as many values')
  }
  const rows = data as unknown[][]
  const columns = new Map(names.map((name, i) => [String(name), rows.map((row) => row[i])]))
  return byName(deployment, columns, rows.length)
}

function fromRecords(deployment: LiveDeployment, records: readonly Members[]): Invocation {
  const names = new Set(records.flatMap((record) => Object.keys(record)))
  return byName(
    deployment,
    new Map([...names].map((name) => [name, records.map((record) => record[name] ?? null)])),
    records.length,
  )
}

function fromColumns(deployment: LiveDeployment, value: Members): Invocation {
  const columns = new Map(
    Object.entries(value).map(([name, column]) => [
      name,
      Array.isArray(column) ? (column as unknown[]) : [column],
    ]),
  )
  const lengths = new Set([...columns.values()].map((column) => column.length))
  if (lengths.size > 1)
    throw new AppError('invalid', `The columns of "inputs" differ in length: ${[...lengths].join(', ')}`)
  return byName(deployment, columns, [...lengths][0] ?? 0)
}

/** Rows without names: for a model with a single input. */
function fromTensor(deployment: LiveDeployment, rows: readonly unknown[]): Invocation {
  const only = deployment.onlyInput
  if (only === undefined) {
    throw new AppError(
      'invalid',
      `Rows without names need a model with one input; this one takes ${namesOf(deployment)}`,
    )
  }
  const columns: (Column | undefined)[] = Array.from({ length: deployment.inputs.length })
  deployment.place(only.name, toColumn(only, rows), rows.length, columns)
  return { rows: rows.length, columns }
}

function byName(
  deployment: LiveDeployment,
  given: ReadonlyMap<string, readonly unknown[]>,
  rows: number,
): Invocation {
  const columns: (Column | undefined)[] = Array.from({ length: deployment.inputs.length })
  for (const [name, values] of given) {
    const input = deployment.inputOf(name)
    if (input === undefined)
      throw new AppError(
        'invalid',
        `There is no input "${name}"; this deployment takes ${namesOf(deployment)}`,
      )
    deployment.place(name, toColumn(input, values), rows, columns)
  }
  return { rows, columns }
}

function toColumn(input: InputSpec, rows: readonly unknown[]): Column {
  const values: ColumnValue[] = []
  for (const [row, given] of rows.entries()) {
    const cell: readonly unknown[] = Array.isArray(given) ? (given as unknown[]).flat(Infinity) : [given]
    if (cell.length !== input.width) {
      throw new AppError(
        'invalid',
        `Column "${input.name}", row ${row}: ${cell.length} values where ${input.width} are expected`,
      )
    }
    for (const value of cell) values.push(toValue(input, value, row))
  }
  return values
}

function toValue(input: InputSpec, value: unknown, row: number): ColumnValue {
  const wrong = (): AppError =>
    new AppError(
      'invalid',
      `Column "${input.name}", row ${row}: ${JSON.stringify(value)?.slice(0, 40)} is no ${input.kind}`,
    )
  if (value === null || value === undefined) {
    if (input.nullable) return null
    throw wrong()
  }
  if (input.kind === 'category') {
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    throw wrong()
  }
  if (input.kind === 'timestamp' && typeof value === 'string') {
    const timeMs = parseTime(value)
    if (Number.isNaN(timeMs)) throw wrong()
    return timeMs
  }
  if (typeof value === 'boolean') return Number(value)
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong()
  if (!input.datatype.startsWith('FP') && !Number.isInteger(value)) throw wrong()
  return value
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function namesOf({ inputs }: LiveDeployment): string {
  return inputs.map(({ name, datatype }) => `${name} (${datatype})`).join(', ')
}
