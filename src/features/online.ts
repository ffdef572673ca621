import type { OnlineStore } from '../ports/online/online.ts'
import {
  onlineView,
  type FeatureServiceSpec,
  type FeatureStatus,
  type FeatureValue,
  type ViewSpec,
} from './schema.ts'

export interface OnlineFeatures {
  /** The service's view features in their order: those of `spec.features` with `from: 'view'`. */
  values: FeatureValue[]
  /** Beside `values`. */
  statuses: FeatureStatus[]
  /** For each of `spec.views`: how old its row is at that moment, ms; null when there is none. */
  ages: (number | null)[]
}

/** The keys of a request's entities by the name of their field, such as `{ origin: 'ATL' }`. */
export type EntityKeys = Readonly<Record<string, unknown>>

/**
 * Prepares reading the view features of a service for one row at a time, as they were at a moment. A row older than its
 * view's `ttl` is `OUTSIDE_MAX_AGE` and null, as in training; a row newer than the moment is not shown.
 */
export function onlineReader(
  online: Pick<OnlineStore, 'read'>,
  spec: FeatureServiceSpec,
  projectId: string,
): (keys: EntityKeys, atMs: number) => OnlineFeatures {
  const views = spec.views.map((view) => ({
    name: onlineView(projectId, view),
    entityKey: view.entityKey,
    ttlMs: view.ttlMs,
  }))
  const places = spec.features
    .filter(({ from }) => from === 'view')
    .map(({ name, source }) => placeOf(spec.views, source, name))
  return (keys, atMs) => {
    const found = views.map(({ name, entityKey, ttlMs }) => {
      const key = keyOf(keys[entityKey])
      const row = key === undefined ? undefined : online.read(name, [key])[0]
      if (!row || row.eventMs > atMs) return { row: undefined, ageMs: null, status: 'NOT_FOUND' as const }
      const ageMs = atMs - row.eventMs
      return { row, ageMs, status: ageMs > ttlMs ? ('OUTSIDE_MAX_AGE' as const) : ('PRESENT' as const) }
    })
    const values: FeatureValue[] = []
    const statuses: FeatureStatus[] = []
    for (const { view, position } of places) {
      const { row, status } = found[view]!
      const value = status === 'PRESENT' ? (row.values[position] ?? null) : null
      values.push(value)
      statuses.push(status === 'PRESENT' && value === null ? 'NULL_VALUE' : status)
    }
    return { values, statuses, ages: found.map(({ ageMs }) => ageMs) }
  }
}

/** One read by itself; for many, keep what `onlineReader` returns. */
export function readOnline(
  online: Pick<OnlineStore, 'read'>,
  spec: FeatureServiceSpec,
  { projectId, entityKeys }: { projectId: string; entityKeys: EntityKeys },
  atMs: number,
): OnlineFeatures {
  return onlineReader(online, spec, projectId)(entityKeys, atMs)
}

function placeOf(
  views: readonly ViewSpec[],
  source: string,
  name: string,
): { view: number; position: number } {
  const view = views.findIndex((each) => each.view === source)
  return { view, position: views[view]!.features.findIndex((feature) => feature.name === name) }
}

function keyOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined
}
