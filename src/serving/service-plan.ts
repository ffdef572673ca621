import type { Context } from '../http/context.ts'
import type { FeatureServiceSpec, FeatureStatus } from '../features/schema.ts'
import {
  type EntityColumns,
  type LoadedOnDemand,
  loadOnDemand,
  type OnlineColumn,
  onlineReader,
  viewFeatures,
} from '../vectors/vectors.ts'
import { AppError } from '../kernel/errors.ts'
import type { FeaturePlan, ResolvedFeatures } from './feature-plan.ts'
import type { Column, ColumnValue, LoggedFeature } from '../prediction-log/prediction-log.ts'
import { serviceInputs, type InputSpec } from './request-inputs.ts'
import type { Variant } from './schema.ts'

/** The folder with the files of a code snapshot. */
export type SnapshotFolder = (codeSnapshot: string) => Promise<string>

/**
 * A model behind a feature service: requests carry what its on-demand features take and the keys of its entities; view
 * features are read online, as they were at the time of the request; where the online store does not answer they count as missing.
 * Throws `invalid` when its code can't be loaded.
 */
export async function servicePlan(
  { online }: Pick<Context, 'online'>,
  snapshotFolder: SnapshotFolder,
  { projectId, variant, service }: { projectId: string; variant: Variant; service: FeatureServiceSpec },
): Promise<FeaturePlan> {
  const functions = await loadFunctions(variant, service, snapshotFolder)
  const keys = [...new Set(service.views.map(({ entityKey }) => entityKey))]
  const inputs = serviceInputs(service)
  const features = service.features.map(({ name, kind }): LoggedFeature => ({
    name,
    kind: kind === 'category' ? 'category' : 'number',
    width: 1,
  }))
  const read = service.views.length === 0 ? undefined : onlineReader(online, projectId, viewFeatures(service))
  const sources = placesOf(service, functions)
  const checkViews = viewChecker(service)
  const fields = loggedFields(service, inputs)

  const compute = (
    given: readonly (Column | undefined)[],
    rows: number,
    timeMs: number,
    columns: OnlineColumns,
  ): ResolvedFeatures => {
    const resolved = service.features.map((): ColumnValue[] => [])
    const violations: (string | null)[] = []
    const degraded: ('stale' | 'missing' | null)[] = []
    for (let row = 0; row < rows; row++) {
      const request = rowOf(inputs, given, row)
      const broken: string[] = []
      const computed = functions.map((each) => {
        const { values, violations: found } = each.compute(request)
        for (const violation of found) broken.push(`${each.spec.name}.${violation}`)
        return values
      })
      degraded.push(read === undefined ? null : checkViews.violations(columns, row, broken))
      for (let i = 0; i < sources.length; i++) {
        const source = sources[i]!
        resolved[i]!.push(
          source.from === 'on_demand'
            ? computed[source.function]![source.place]!
            : source.from === 'view'
              ? (columns?.[source.place]!.values[row] ?? null)
              : ((request[source.name] ?? null) as ColumnValue),
        )
      }
      violations.push(broken.length === 0 ? null : broken.join(','))
    }
    return {
      features: resolved,
      ages: read === undefined ? null : checkViews.ages(columns, rows, timeMs),
      requests: fields.length === 0 ? null : requestTexts(fields, given, rows),
      violations: violations.some((text) => text !== null) ? violations : null,
      degraded: degraded.some((state) => state !== null) ? degraded : null,
    }
  }
  const resolve: FeaturePlan['resolve'] = (given, rows, timeMs) => {
    if (read === undefined) return compute(given, rows, timeMs, [])
    const without = (error: unknown): ResolvedFeatures => {
      if (error instanceof AppError && error.code === 'unavailable') return compute(given, rows, timeMs, null)
      throw error
    }
    const columns = read(keyColumns(inputs, keys, given), rows, timeMs)
    return columns instanceof Promise
      ? columns.then((found) => compute(given, rows, timeMs, found), without)
      : compute(given, rows, timeMs, columns)
  }
  return { inputs, features, resolve }
}

async function loadFunctions(
  variant: Variant,
  { onDemand }: FeatureServiceSpec,
  snapshotFolder: SnapshotFolder,
): Promise<LoadedOnDemand[]> {
  if (onDemand.length === 0) return []
  if (variant.codeSnapshot === undefined) {
    throw new AppError(
      'invalid',
      `${variant.model}/${variant.version} has on-demand features but names no code snapshot`,
    )
  }
  const folder = await snapshotFolder(variant.codeSnapshot)
  return await Promise.all(onDemand.map((spec) => loadOnDemand(spec, folder)))
}

type Source =
  | { from: 'on_demand'; function: number; place: number }
  | { from: 'view'; place: number }
  | { from: 'request'; name: string }

function placesOf({ features }: FeatureServiceSpec, functions: readonly LoadedOnDemand[]): Source[] {
  let views = 0
  return features.map(({ name, from, source }): Source => {
    if (from === 'request') return { from, name }
    if (from === 'view') return { from, place: views++ }
    const index = functions.findIndex(({ spec }) => spec.name === source)
    return {
      from,
      function: index,
      place: functions[index]!.spec.outputs.findIndex((output) => output.name === name),
    }
  })
}

function rowOf(
  inputs: readonly InputSpec[],
  columns: readonly (Column | undefined)[],
  row: number,
): Record<string, unknown> {
  const request: Record<string, unknown> = {}
  for (let i = 0; i < inputs.length; i++) request[inputs[i]!.name] = columns[i]?.[row] ?? null
  return request
}

/** Fields that features are computed from, so that they can be computed again; what is a feature itself is logged as one. */
function loggedFields(
  service: FeatureServiceSpec,
  inputs: readonly InputSpec[],
): { name: string; place: number }[] {
  const asTheyAre = new Set(service.features.filter(({ from }) => from === 'request').map(({ name }) => name))
  const keys = new Set(service.views.map(({ entityKey }) => entityKey))
  return inputs.flatMap(({ name }, place) =>
    asTheyAre.has(name) && !keys.has(name) ? [] : [{ name, place }],
  )
}

function requestTexts(
  fields: readonly { name: string; place: number }[],
  given: readonly (Column | undefined)[],
  rows: number,
): string[] {
  return Array.from({ length: rows }, (_, row) => {
    const request: Record<string, unknown> = {}
    for (const { name, place } of fields) {
      const value = given[place]?.[row] ?? null
      request[name] = typeof value === 'bigint' ? Number(value) : value
    }
    return JSON.stringify(request)
  })
}

const VIOLATION: Readonly<Record<FeatureStatus, 'stale' | 'missing' | null>> = {
  PRESENT: null,
  NULL_VALUE: null,
  NOT_FOUND: 'missing',
  OUTSIDE_MAX_AGE: 'stale',
}

/** What was read online; null when the store did not answer. */
type OnlineColumns = readonly OnlineColumn[] | null

/** What each view had for a row, told from the first of its features. */
function viewChecker(service: FeatureServiceSpec) {
  const sources = service.features.filter(({ from }) => from === 'view').map(({ source }) => source)
  const views = service.views.map(({ view }) => ({ view, place: sources.indexOf(view) }))
  return {
    /** Adds `stale:airport_delays` and the like to `broken`; tells the worst of them. */
    violations(columns: OnlineColumns, row: number, broken: string[]): 'stale' | 'missing' | null {
      if (columns === null) {
        for (const { view } of views) broken.push(`unavailable:${view}`)
        return 'missing'
      }
      let worst: 'stale' | 'missing' | null = null
      for (const { view, place } of views) {
        const violation = VIOLATION[columns[place]!.statuses[row]!]
        if (violation === null) continue
        broken.push(`${violation}:${view}`)
        if (worst !== 'missing') worst = violation
      }
      return worst
    },
    /** For each row JSON of view → age in ms. */
    ages(columns: OnlineColumns, rows: number, timeMs: number): string[] {
      return Array.from({ length: rows }, (_, row) => {
        const ages = views.map(({ view, place }): [string, number | null] => {
          const eventMs = columns?.[place]!.eventMs[row] ?? null
          return [view, eventMs === null ? null : timeMs - eventMs]
        })
        return JSON.stringify(Object.fromEntries(ages))
      })
    },
  }
}

function keyColumns(
  inputs: readonly InputSpec[],
  keys: readonly string[],
  given: readonly (Column | undefined)[],
): EntityColumns {
  return Object.fromEntries(keys.map((key) => [key, given[inputs.findIndex(({ name }) => name === key)]]))
}
