import { AppError } from '../kernel/errors.ts'
import {
  parquetScan,
  quoteIdentifier,
  type Analytics,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import type { Datatype, InferenceSession, Tensor, TensorData } from '../ports/inference/inference.ts'
import { stretches } from '../statistics/bootstrap.ts'
import type { ImportedTask } from './schema.ts'

/** A task whose model gives one score for each row. */
type Task = Exclude<ImportedTask, 'multiclass'>

/** Numbers with NaN for missing, or texts with '' for missing. */
export type FeatureColumn = Float64Array | string[]

/** A table with a label, cut into blocks that count as independent: days, or else equal stretches of rows. */
export interface Table {
  rows: number
  labels: Float64Array
  /** The block of each row, as a place in `days`. */
  block: Uint32Array
  days: string[]
  columns: Record<string, FeatureColumn>
}

export interface TableSource {
  /** Local Parquet files. */
  parquet: readonly string[]
  label: string
  /** A date or a timestamp (or milliseconds since the epoch); without it, or with a single day, rows are cut into 20 equal stretches. */
  dayColumn?: string | undefined
  /** Of a task with several classes: the label's values in order; labels are then places in this list. */
  classes?: readonly string[] | undefined
}

const STRETCHES = 20

/** Reads the label, the blocks and these columns; rows without a label are left out. */
export async function loadTable(
  analytics: Pick<Analytics, 'session'>,
  { parquet, label, dayColumn, classes }: TableSource,
  names: readonly string[],
  /** Keeps a single day as it is. */
  { onlyDays = false }: { onlyDays?: boolean } = {},
): Promise<Table> {
  await using session = await analytics.session()
  const types = await columnTypes(session, parquet)
  for (const name of [label, ...(dayColumn === undefined ? [] : [dayColumn]), ...names])
    if (!types.has(name))
      throw new AppError('invalid', `The table has no column ${name}: it has ${[...types.keys()].join(', ')}`)
  const selected = names.map((name, index) => `${quoteIdentifier(name)} AS c${index}`)
  const day = dayColumn === undefined ? 'NULL' : dayText(dayColumn, types.get(dayColumn)!)
  const read = await session.columns(
    `SELECT ${quoteIdentifier(label)} AS label, ${day} AS day${selected.map((column) => `, ${column}`).join('')}
     FROM ${parquetScan(parquet)} WHERE ${quoteIdentifier(label)} IS NOT NULL`,
  )
  const labels = classes ? placesOf(read['label']!, classes) : numbers(read['label']!, label)
  if (labels.length === 0)
    throw new AppError('invalid', `No row has a ${label}: there is nothing to evaluate on`)
  const columns: Record<string, FeatureColumn> = {}
  for (const [index, name] of names.entries())
    columns[name] = isText(types.get(name)!) ? texts(read[`c${index}`]!) : numbers(read[`c${index}`]!, name)
  return { rows: labels.length, labels, columns, ...blocksOf(read['day']!, onlyDays ? 1 : 2) }
}

function placesOf(values: readonly unknown[], classes: readonly string[]): Float64Array {
  const places = new Map(classes.map((name, place) => [name, place]))
  return Float64Array.from(values, (value) => {
    const place = places.get(String(value))
    if (place !== undefined) return place
    throw new AppError('invalid', `A label is none of the classes ${classes.join(', ')}: ${String(value)}`)
  })
}

async function columnTypes(
  session: AnalyticsSession,
  parquet: readonly string[],
): Promise<Map<string, string>> {
  const described = await session.query(`DESCRIBE SELECT * FROM ${parquetScan(parquet)}`)
  return new Map(described.map((row) => [String(row['column_name']), String(row['column_type'])]))
}

function dayText(column: string, type: string): string {
  const name = quoteIdentifier(column)
  const isNumber = /^(U?BIGINT|U?INTEGER|HUGEINT|DOUBLE|FLOAT)/.test(type)
  const date = isNumber ? `make_timestamp(CAST(${name} AS BIGINT) * 1000)` : name
  return `strftime(CAST(${date} AS DATE), '%Y-%m-%d')`
}

function isText(type: string): boolean {
  return type.startsWith('VARCHAR') || type.startsWith('ENUM') || type === 'UUID'
}

function blocksOf(values: readonly unknown[], leastDays: number): { block: Uint32Array; days: string[] } {
  const named = values.map((day) => (typeof day === 'string' ? day : 'no day'))
  const days = [...new Set(named)].sort()
  if (days.length < leastDays) {
    const parts = Math.min(STRETCHES, values.length)
    const names = Array.from({ length: parts }, (_, index) => `part ${index + 1} of ${parts}`)
    return { block: stretches(values.length, parts), days: names }
  }
  const places = new Map(days.map((day, index) => [day, index]))
  return { block: Uint32Array.from(named, (day) => places.get(day)!), days }
}

function numbers(values: readonly unknown[], name: string): Float64Array {
  const result = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value === 'number') result[i] = value
    else if (value === null || value === undefined) result[i] = Number.NaN
    else if (typeof value === 'boolean' || typeof value === 'bigint') result[i] = Number(value)
    else
      throw new AppError(
        'invalid',
        `The column ${name} must hold numbers; row ${i} holds ${JSON.stringify(value)}`,
      )
  }
  return result
}

function texts(values: readonly unknown[]): string[] {
  return values.map((value) => (typeof value === 'string' ? value : ''))
}

const BATCH_ROWS = 4096
const FLOATS: readonly Datatype[] = ['FP32', 'FP64']

/** The feature columns a model reads, in its order. A graph with one input of several columns needs them named. */
export function featuresOf(session: InferenceSession, named?: readonly string[]): string[] {
  const width = session.inputs[0]?.shape[1]
  if (session.inputs.length > 1 || named === undefined || named.length === 1 || width === 1)
    return session.inputs.map(({ name }) => name)
  return [...named]
}

/**
 * Runs a model over a table: the probability of class 1, or the value, of each row. `replaced` puts another column in the place of a
 * feature. Throws `invalid` when the table lacks an input or the output is no score.
 */
export async function scoreTable(
  session: InferenceSession,
  table: Pick<Table, 'rows' | 'columns'>,
  options: {
    task: Task
    features?: readonly string[] | undefined
    replaced?: Readonly<Record<string, FeatureColumn>>
  },
): Promise<Float64Array> {
  const scores = new Float64Array(table.rows)
  const output = scoreOutput(session, options.task)
  await runBatches(session, table, { ...options, output }, ({ data, width, from, to }) => {
    const place = options.task === 'binary' && width === 2 ? 1 : 0
    for (let row = from; row < to; row++) scores[row] = Number(data[(row - from) * width + place])
  })
  return scores
}

/** Runs a classifier over a table: the probability of each class, row by row. Throws `invalid` when it does not give as many. */
export async function scoreClasses(
  session: InferenceSession,
  table: Pick<Table, 'rows' | 'columns'>,
  { classes, features }: { classes: number; features?: readonly string[] | undefined },
): Promise<Float64Array> {
  const floats = session.outputs.filter(({ datatype }) => FLOATS.includes(datatype))
  const output =
    floats.find(({ shape }) => shape.length === 2 && shape[1] === classes) ??
    floats.find(({ shape }) => shape.length === 2 && shape[1] === -1)
  if (!output)
    throw new AppError('invalid', `The model has no output with the probabilities of ${classes} classes`)
  const scores = new Float64Array(table.rows * classes)
  await runBatches(session, table, { features, output: output.name }, ({ data, width, from, to }) => {
    if (width !== classes)
      throw new AppError(
        'invalid',
        `The model gives ${width} probabilities for a row; there are ${classes} classes`,
      )
    for (let at = 0; at < (to - from) * classes; at++) scores[from * classes + at] = Number(data[at])
  })
  return scores
}

interface ScoredBatch {
  data: TensorData
  width: number
  from: number
  to: number
}

/** A bounded number of rows at a time. */
async function runBatches(
  session: InferenceSession,
  table: Pick<Table, 'rows' | 'columns'>,
  options: {
    output: string
    features?: readonly string[] | undefined
    replaced?: Readonly<Record<string, FeatureColumn>>
  },
  take: (batch: ScoredBatch) => void,
): Promise<void> {
  const features = featuresOf(session, options.features)
  const columns = features.map((name) => options.replaced?.[name] ?? table.columns[name] ?? missing(name))
  for (let from = 0; from < table.rows; from += BATCH_ROWS) {
    const to = Math.min(from + BATCH_ROWS, table.rows)
    const { data, shape } = (await session.run(feedsOf(session, columns, from, to)))[options.output]!
    take({ data, width: shape.length > 1 ? shape.at(-1)! : 1, from, to })
  }
}

function missing(name: string): never {
  throw new AppError('invalid', `The model reads ${name}, which the table has not`)
}

function feedsOf(
  session: InferenceSession,
  columns: readonly FeatureColumn[],
  from: number,
  to: number,
): Record<string, Tensor> {
  const rows = to - from
  if (session.inputs.length === columns.length)
    return Object.fromEntries(
      session.inputs.map(({ name, datatype, shape }, index): [string, Tensor] => [
        name,
        {
          datatype,
          shape: shape.length === 1 ? [rows] : [rows, 1],
          data: cellsOf(datatype, columns[index]!, from, to),
        },
      ]),
    )
  const { name, datatype } = session.inputs[0]!
  const matrix = new Float64Array(rows * columns.length)
  for (const [index, column] of columns.entries())
    for (let row = 0; row < rows; row++) matrix[row * columns.length + index] = Number(column[from + row])
  const data = datatype === 'FP64' ? matrix : Float32Array.from(matrix)
  return { [name]: { datatype, shape: [rows, columns.length], data } }
}

function cellsOf(datatype: Datatype, column: FeatureColumn, from: number, to: number): TensorData {
  if (datatype === 'BYTES') {
    if (Array.isArray(column)) return column.slice(from, to)
    return Array.from(column.subarray(from, to), (value) => (Number.isNaN(value) ? '' : String(value)))
  }
  if (Array.isArray(column))
    throw new AppError('invalid', 'The model takes a number where the table holds a text')
  const values = column.subarray(from, to)
  if (datatype === 'FP32') return Float32Array.from(values)
  if (datatype === 'FP64') return values
  if (datatype === 'INT64') return BigInt64Array.from(values, (value) => BigInt(Math.trunc(value)))
  if (datatype === 'INT32') return Int32Array.from(values)
  if (datatype === 'BOOL') return Uint8Array.from(values)
  throw new AppError('invalid', `Evaluating models with inputs of datatype ${datatype} is not supported`)
}

function scoreOutput(session: InferenceSession, task: Task): string {
  const floats = session.outputs.filter(({ datatype }) => FLOATS.includes(datatype))
  const width = (shape: readonly number[]): number => (shape.length > 1 ? shape.at(-1)! : 1)
  const fits = floats.find(({ shape }) => (task === 'binary' && width(shape) === 2) || width(shape) === 1)
  const found = fits ?? floats.find(({ shape }) => width(shape) === -1)
  if (found) return found.name
  const has = session.outputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(', ')}]`)
  throw new AppError(
    'invalid',
    `The model has no output that is a score of a ${task} task: it has ${has.join(', ')}`,
  )
}
