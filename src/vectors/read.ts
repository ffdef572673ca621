import type { MaybePromise, OnlineRow, OnlineStore } from '../ports/online/online.ts'
import {
  onlineView,
  type FeatureServiceSpec,
  type FeatureStatus,
  type FeatureValue,
  type ReadView,
} from '../features/schema.ts'

/** One feature of a view, by its name in the view. */
export interface ViewFeature {
  view: ReadView
  feature: string
}

/** Keys of entities as columns, by the name of the entity's key: `{ origin: ['ATL', 'LAX'] }`. A missing column is keys that are not there. */
export type EntityColumns = Readonly<Record<string, ArrayLike<unknown> | undefined>>

/** One feature for many rows. */
export interface OnlineColumn {
  /** Null where the status is not `PRESENT`. */
  values: FeatureValue[]
  statuses: readonly FeatureStatus[]
  /** Event time of the row that the value is of, ms; null where there is none. The same array for all features of a view. */
  eventMs: readonly (number | null)[]
}

/**
 * Reads `rows` rows as they were at the moment `atMs`, in one round trip, into one column for each asked feature. It is
 * a promise only where the store is not in this process, and rejects with `unavailable` when the store does not answer.
 */
export type OnlineReader = (keys: EntityColumns, rows: number, atMs: number) => MaybePromise<OnlineColumn[]>

/**
 * Prepares reading features for many rows at once. A row older than its view's `ttl` is `OUTSIDE_MAX_AGE` and null, as
 * in training; a row newer than the moment is not shown. Throws a `TypeError` for a feature that its view does not have.
 */
export function onlineReader(
  online: Pick<OnlineStore, 'read'>,
  projectId: string,
  features: readonly ViewFeature[],
): OnlineReader {
  const views = [...new Map(features.map(({ view }) => [onlineView(projectId, view), view]))]
  const places = features.map(({ view, feature }) => {
    const position = view.features.findIndex(({ name }) => name === feature)
    if (position < 0) throw new TypeError(`${view.view} has no feature ${feature}`)
    const name = onlineView(projectId, view)
    return { view: views.findIndex(([each]) => each === name), position }
  })
  const keyNames = [...new Set(views.map(([, { entityKey }]) => entityKey))]
  const keyPlaces = views.map(([view, { entityKey }]) => ({ view, place: keyNames.indexOf(entityKey) }))
  return (keys, rows, atMs) => {
    const texts = keyNames.map((name) => keyTexts(keys[name], rows))
    const reads = keyPlaces.map(({ view, place }) => ({ view, entityKeys: texts[place]! }))
    const answer = (found: (OnlineRow | undefined)[][]): OnlineColumn[] => {
      const read = found.map((each, view) => readView(each, views[view]![1].ttlMs, atMs))
      return places.map(({ view, position }) => columnOf(read[view]!, position))
    }
    const found = online.read(reads)
    return found instanceof Promise ? found.then(answer) : answer(found)
  }
}

/** The features of a service that come from views, in their order. */
export function viewFeatures({ views, features }: FeatureServiceSpec): ViewFeature[] {
  return features
    .filter(({ from }) => from === 'view')
    .map(({ name, source }) => ({ view: views.find(({ view }) => view === source)!, feature: name }))
}

interface ViewRows {
  rows: readonly (OnlineRow | undefined)[]
  statuses: readonly FeatureStatus[]
  eventMs: readonly (number | null)[]
}

function readView(found: readonly (OnlineRow | undefined)[], ttlMs: number, atMs: number): ViewRows {
  const rows: (OnlineRow | undefined)[] = []
  const statuses: FeatureStatus[] = []
  const eventMs: (number | null)[] = []
  for (const row of found) {
    const shown = row === undefined || row.eventMs > atMs ? undefined : row
    rows.push(shown)
    eventMs.push(shown === undefined ? null : shown.eventMs)
    if (shown === undefined) statuses.push('NOT_FOUND')
    else statuses.push(atMs - shown.eventMs > ttlMs ? 'OUTSIDE_MAX_AGE' : 'PRESENT')
  }
  return { rows, statuses, eventMs }
}

/** The statuses are the view's own until a null makes them differ. */
function columnOf({ rows, statuses, eventMs }: ViewRows, position: number): OnlineColumn {
  let own: FeatureStatus[] | undefined
  const values: FeatureValue[] = []
  for (let index = 0; index < rows.length; index++) {
    const isPresent = statuses[index] === 'PRESENT'
    const value = isPresent ? (rows[index]!.values[position] ?? null) : null
    values.push(value)
    if (!isPresent || value !== null) continue
    own ??= [...statuses]
    own[index] = 'NULL_VALUE'
  }
  return { values, statuses: own ?? statuses, eventMs }
}

function keyTexts(column: ArrayLike<unknown> | undefined, rows: number): (string | undefined)[] {
  const texts: (string | undefined)[] = []
  for (let row = 0; row < rows; row++) texts.push(keyText(column?.[row]))
  return texts
}

/** Undefined for what is no key. */
export function keyText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined
}
