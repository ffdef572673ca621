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
