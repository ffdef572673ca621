import type { Datatype } from '../ports/inference/inference.ts'
import type { ByteReader, ByteWriter } from './byte-writer.ts'
import type { VariantName } from './schema.ts'

/** The values of one input or feature, row by row; a vector's values lie flat, row-major. */
export type Column = ArrayLike<ColumnValue>
export type ColumnValue = number | string | bigint | boolean | null

/** What the rows of one variant have in common: written once in each segment, named by number in each row. */
export interface RouteHeader {
  projectId: string
  deployment: string
  model: string
  version: number
  modelVersionId: string | null
  variant: VariantName
  rolloutId: string | null
  generation: number
  stage: number | null
  policyVersion: number
  schemaHash: string
  codeHash: string | null
  /** The blob with the layout that the counts beside the rows follow. */
  layoutSha256: string | null
  features: readonly LoggedFeature[]
  outputs: readonly LoggedOutput[]
}

export interface LoggedFeature {
  name: string
  kind: 'number' | 'category' | 'vector'
  /** Values for each row; 1 but for vectors. */
  width: number
}

export interface LoggedOutput {
  name: string
  datatype: Datatype
  width: number
}

/** Output values for each row beyond this are not logged. */
const LOGGED_OUTPUT_WIDTH = 256

export interface PredictionRow {
  predictionId: string
  requestId: string
  rowIndex: number
  timeMs: number
  unit: string | null
  /** 0 to 9,999; -1 when there was nothing to choose. */
  bucket: number
  entityKey: string | null
  latencyUs: number
  queueUs: number
  batchSize: number
  status: 'ok' | 'error'
  violations: string | null
  caller: string | null
  traceId: string | null
  /** The answered prediction that a shadow row, or a failed canary row, belongs to. */
  pairId: string | null
  featureAges: string | null
  /** JSON of what the request carried that features were computed from: keys of entities, inputs of functions. */
  request: string | null
  /** NaN when there is none. */
  score: number
  decision: string | null
}

/** A row of which nothing is known. */
export function blankRow(): PredictionRow {
  return {
    predictionId: '',
    requestId: '',
    rowIndex: 0,
    timeMs: 0,
    unit: null,
    bucket: -1,
    entityKey: null,
    latencyUs: 0,
    queueUs: 0,
    batchSize: 1,
    status: 'ok',
    violations: null,
    caller: null,
    traceId: null,
    pairId: null,
    featureAges: null,
    request: null,
    score: NaN,
    decision: null,
  }
}

/** Writes one row: its own fields, then row `row` of the feature columns, then row `outputRow` of the outputs. */
export function writeRow(
  writer: ByteWriter,
  route: number,
  header: RouteHeader,
  row: PredictionRow,
  features: readonly (Column | undefined)[],
  outputs: readonly Column[] | null,
  outputRow: number,
): void {
  writer.u16(route)
  writer.u8((row.status === 'ok' ? 0 : 1) | (outputs === null ? 2 : 0) | (row.request === null ? 0 : 4))
  writer.text(row.predictionId)
  writer.text(row.requestId === row.predictionId ? null : row.requestId)
  writer.u32(row.rowIndex)
  writer.f64(row.timeMs)
  writer.text(row.unit)
  writer.u16(row.bucket < 0 ? 0xffff : row.bucket)
  writer.text(row.entityKey)
  writer.u32(row.latencyUs)
  writer.u32(row.queueUs)
  writer.u32(row.batchSize)
  writer.text(row.violations)
  writer.text(row.caller)
  writer.text(row.traceId)
  writer.text(row.pairId)
  writer.text(row.featureAges)
  if (row.request !== null) writer.text(row.request)
  writer.f64(row.score)
  writer.text(row.decision)
  writeFeatures(writer, header, row.rowIndex, features)
  if (outputs !== null) writeOutputs(writer, header, outputs, outputRow)
}

function writeFeatures(
  writer: ByteWriter,
  { features }: RouteHeader,
  row: number,
  columns: readonly (Column | undefined)[],
): void {
  for (let i = 0; i < features.length; i++) {
    const { kind, width } = features[i]!
    const column = columns[i]
    if (kind === 'category') {
      const value = column?.[row] ?? null
      writer.text(value === null ? null : typeof value === 'string' ? value : String(value))
    } else for (let j = row * width; j < (row + 1) * width; j++) writer.f64(toNumber(column?.[j]))
  }
}

function writeOutputs(
  writer: ByteWriter,
  { outputs }: RouteHeader,
  columns: readonly Column[],
  row: number,
): void {
  for (let i = 0; i < outputs.length; i++) {
    const { datatype, width } = outputs[i]!
    if (width > LOGGED_OUTPUT_WIDTH) continue
    const column = columns[i]!
    for (let j = row * width; j < (row + 1) * width; j++) {
      if (datatype === 'BYTES') writer.text(String(column[j]))
      else writer.f64(toNumber(column[j]))
    }
  }
}

function toNumber(value: ColumnValue | undefined): number {
  if (typeof value === 'number') return value
  return value === null || value === undefined ? NaN : Number(value)
}

/** A row as read back: outputs as `{ name: value or values }`, a missing number as null. */
export interface ReadRow extends PredictionRow {
  route: number
  features: (number | string | number[] | null)[]
  output: Record<string, unknown> | null
}

export function readRow(reader: ByteReader, routes: ReadonlyMap<number, RouteHeader>): ReadRow {
  const route = reader.u16()
  const header = routes.get(route)
  if (header === undefined) throw new Error(`The segment has no route ${route}`)
  const flags = reader.u8()
  const predictionId = reader.text() ?? ''
  const requestId = reader.text() ?? predictionId
  const rowIndex = reader.u32()
  const timeMs = reader.f64()
  const unit = reader.text()
  const bucket = reader.u16()
  return {
    route,
    status: (flags & 1) === 0 ? 'ok' : 'error',
    predictionId,
    requestId,
    rowIndex,
    timeMs,
    unit,
    bucket: bucket === 0xffff ? -1 : bucket,
    entityKey: reader.text(),
    latencyUs: reader.u32(),
    queueUs: reader.u32(),
    batchSize: reader.u32(),
    violations: reader.text(),
    caller: reader.text(),
    traceId: reader.text(),
    pairId: reader.text(),
    featureAges: reader.text(),
    // Segments from before requests were logged have no row with this flag.
    request: (flags & 4) === 0 ? null : reader.text(),
    score: reader.f64(),
    decision: reader.text(),
    features: header.features.map((feature) => readFeature(reader, feature)),
    output: (flags & 2) === 0 ? readOutput(reader, header) : null,
  }
}

function readFeature(reader: ByteReader, { kind, width }: LoggedFeature): number | string | number[] | null {
  if (kind === 'category') return reader.text()
  if (kind === 'vector') return Array.from({ length: width }, () => reader.f64())
  const value = reader.f64()
  return Number.isNaN(value) ? null : value
}

function readOutput(reader: ByteReader, { outputs }: RouteHeader): Record<string, unknown> {
  const output: Record<string, unknown> = {}
  for (const { name, datatype, width } of outputs) {
    if (width > LOGGED_OUTPUT_WIDTH) continue
    const values = Array.from({ length: width }, () => (datatype === 'BYTES' ? reader.text() : reader.f64()))
    output[name] = width === 1 ? values[0] : values
  }
  return output
}
