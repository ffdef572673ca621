import { requestColumns, type Feature, type FeatureServiceSpec } from '../features/schema.ts'
import { AppError } from '../kernel/errors.ts'
import type { Datatype } from '../ports/inference/inference.ts'
import type { Column } from '../prediction-log/prediction-log.ts'
import type { FeatureKind } from './schema.ts'

/** Rows that one request may have. */
export const MAX_REQUEST_ROWS = 4096

/** One column that requests carry. */
export interface InputSpec {
  name: string
  kind: FeatureKind
  datatype: Datatype
  /** Dimensions of one row; none for a single value. */
  rowShape: readonly number[]
  /** Values for each row. */
  width: number
  nullable: boolean
}

/** A decoded request: what it asks, and what is logged about it. */
export interface PredictRequest {
  rows: number
  /** Aligned with the deployment's inputs; undefined where the request gave none. */
  columns: readonly (Column | undefined)[]
  /** A version that bypasses the rollout. */
  version?: number | undefined
  requestId?: string | undefined
  /** Event time; only a replay gives it. */
  timeMs?: number | undefined
  header: (name: string) => string | undefined
  caller: string | null
  traceId: string | null
  /** `performance.now()` when the request arrived. */
  startedMs: number
}

/** The inputs of several variants as one list. What any of them needs may be sent. */
export function unionInputs(lists: readonly (readonly InputSpec[])[]): InputSpec[] {
  const byName = new Map<string, InputSpec>()
  for (const list of lists) {
    for (const input of list) if (!byName.has(input.name)) byName.set(input.name, input)
  }
  return [...byName.values()]
}

/** Throws `invalid` where inputs of one name have rows of other shapes: a request is read once, for all versions. */
export function requireSameShapes(stable: readonly InputSpec[], other: readonly InputSpec[]): void {
  for (const { name, rowShape } of other) {
    const known = stable.find((input) => input.name === name)
    if (known === undefined || known.rowShape.join() === rowShape.join()) continue
    const [before, after] = [known.rowShape, rowShape].map((shape) => `[${['rows', ...shape].join(', ')}]`)
    throw new AppError(
      'invalid',
      `Its input "${name}" has the shape ${after}; requests to stable have ${before}`,
    )
  }
}

const DATATYPES: Readonly<Record<Feature['kind'], Datatype>> = {
  number: 'FP64',
  category: 'BYTES',
  timestamp: 'INT64',
}

/** What requests carry for a feature service: the columns that it takes from them, and the keys of its entities. */
export function serviceInputs(service: FeatureServiceSpec): InputSpec[] {
  const columns = requestColumns(service)
  const keys = [...new Set(service.views.map(({ entityKey }) => entityKey))].filter(
    (key) => !columns.some(({ name }) => name === key),
  )
  return [...columns, ...keys.map((name): Feature => ({ name, kind: 'category' }))].map(({ name, kind }) => ({
    name,
    kind,
    datatype: DATATYPES[kind],
    rowShape: [],
    width: 1,
    nullable: true,
  }))
}

/** Whether a model can tell a missing value of the datatype from any other. */
export function takesMissing(datatype: Datatype): boolean {
  return datatype === 'BYTES' || datatype === 'FP32' || datatype === 'FP64'
}

/** Numbers of any kind fit a floating input; elsewhere the datatype must be the model's own, or a narrower integer. */
export function takesDatatype(
  { datatype, kind }: Pick<InputSpec, 'datatype' | 'kind'>,
  given: Datatype,
): boolean {
  if (given === datatype) return true
  if (kind === 'timestamp') return given === 'BYTES' || given === 'FP64'
  if (datatype === 'FP32' || datatype === 'FP64') return given !== 'BYTES' && given !== 'BOOL'
  if (datatype === 'INT64')
    return given.startsWith('INT') || given === 'UINT8' || given === 'UINT16' || given === 'UINT32'
  return false
}
