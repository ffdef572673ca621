import { relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError, messageOf } from '../kernel/errors.ts'
import { monotonicMs } from '../kernel/clock.ts'
import type { Feature, FeatureKind, FeatureValue, OnDemandSpec } from '../features/schema.ts'

interface OnDemandResult {
  /** In the order of the declared outputs. */
  values: FeatureValue[]
  /**
   * What went wrong, empty when nothing did: `input:distance` (a field of the wrong kind, taken as null), `error` (the
   * function threw: all null), `output:hour` (not of the declared kind: null), `budget` (too slow: the values stand).
   */
  violations: string[]
  elapsedMs: number
  /** What the function threw. */
  error: string | null
}

export interface LoadedOnDemand {
  spec: OnDemandSpec
  compute: (request: Readonly<Record<string, unknown>>) => OnDemandResult
}

type PureFunction = (request: Record<string, FeatureValue>) => unknown

/**
 * Loads the function of an on-demand feature from a code snapshot. Training and gateway call what this returns, so a
 * value cannot depend on where it is computed. Throws `invalid` when module or export are not there.
 */
export async function loadOnDemand(spec: OnDemandSpec, snapshotDirectory: string): Promise<LoadedOnDemand> {
  const path = resolve(snapshotDirectory, spec.module)
  if (relative(snapshotDirectory, path).startsWith('..')) {
    throw new AppError(
      'invalid',
      `The module ${spec.module} of ${spec.name} lies outside of the code snapshot`,
    )
  }
  let loaded: Record<string, unknown>
  try {
    loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    throw new AppError(
      'invalid',
      `The function of ${spec.name} can't be loaded from ${spec.module}: ${messageOf(error)}`,
      { cause: error },
    )
  }
  const compute = loaded[spec.export]
  if (typeof compute !== 'function') {
    throw new AppError(
      'invalid',
      `${spec.module} exports no function ${spec.export}, which ${spec.name} needs`,
    )
  }
  return bindOnDemand(spec, compute as PureFunction)
}

export function bindOnDemand(spec: OnDemandSpec, compute: PureFunction): LoadedOnDemand {
  return { spec, compute: (request) => run(spec, compute, request) }
}

function run(
  spec: OnDemandSpec,
  compute: PureFunction,
  request: Readonly<Record<string, unknown>>,
): OnDemandResult {
  const violations: string[] = []
  const given: Record<string, FeatureValue> = {}
  for (const { name, kind } of spec.inputs) {
    const value = inputValue(request[name], kind)
    if (value === undefined) violations.push(`input:${name}`)
    given[name] = value ?? null
  }
  const startedMs = monotonicMs()
  let outputs: unknown
  try {
    outputs = compute(given)
  } catch (error) {
    const none = spec.outputs.map(() => null)
    return {
      values: none,
      violations: [...violations, 'error'],
      elapsedMs: monotonicMs() - startedMs,
      error: messageOf(error),
    }
  }
  const elapsedMs = monotonicMs() - startedMs
  const values = spec.outputs.map((output) => {
    const value = outputValue(outputs, output)
    if (value === undefined) violations.push(`output:${output.name}`)
    return value ?? null
  })
  if (elapsedMs > spec.budgetMs) violations.push('budget')
  return { values, violations, elapsedMs, error: null }
}

/** A field of a request as the function sees it; undefined when it is of the wrong kind. */
function inputValue(value: unknown, kind: FeatureKind): FeatureValue | undefined {
  if (value === null || value === undefined) return null
  switch (kind) {
    case 'number':
      if (typeof value === 'bigint') return Number(value)
      return typeof value === 'number' ? finiteOrNull(value) : undefined
    case 'category':
      return typeof value === 'string' ? value : undefined
    case 'timestamp':
      return timeValue(value)
  }
}

function timeValue(value: unknown): number | null | undefined {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') return finiteOrNull(value)
  const time =
    typeof value === 'string'
      ? Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`)
      : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null)

function outputValue(outputs: unknown, { name, kind }: Feature): FeatureValue | undefined {
  if (typeof outputs !== 'object' || outputs === null) return undefined
  const value = (outputs as Record<string, unknown>)[name]
  if (value === null) return null
  if (kind === 'category') return typeof value === 'string' ? value : undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
