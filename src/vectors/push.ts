import {
  type FeatureKind,
  type FeatureValue,
  onlineView,
  rowColumns,
  type ServedFeatures,
  type ServedRowFunction,
  type ServedView,
} from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { parseTime } from '../kernel/time.ts'
import type { OnlineWrite } from '../ports/online/online.ts'
import type { LoadedOnDemand } from './on-demand.ts'
import { keyText } from './read.ts'
import { heldKeys, keyedHash } from '../privacy/privacy.ts'

/** Rows as columns of equal length, by name. */
export type PushedColumns = Readonly<Record<string, readonly unknown[]>>

/** Rows as one view would take them. */
interface Pushed {
  view: ServedView
  columns: PushedColumns
  /** What computes its features from rows of the dataset, if it can be done here. */
  compute: LoadedOnDemand['compute'] | undefined
}

/** Rows of a later time would hide what holds now. */
const AHEAD_MS = 1000
/** A row function runs while the gateway's other requests wait. */
const MAX_COMPUTED_ROWS = 1000

/** Rows of a push that a view takes. */
export interface PreparedPush {
  view: ServedView
  rows: OnlineWrite[]
  /** Rows of which the row function made something wrong; that is null, as it is from the dataset. */
  failedRows: number
}

/**
 * Looks at pushed rows, and writes nothing. A row carries the view's key, its event time (ISO 8601, UTC where it names no zone) and
 * every feature of the view; or, for a view by a row function, what the function takes, as the dataset has it: then the very same function
 * computes the features. Other columns are none of the view's business. Views for which columns are missing are left out.
 * Throws `invalid` when none is left, with row and column for a value that does not fit, and for personal columns that the
 * dataset does not store as they come.
 */
export function preparePush({ clock }: Pick<Context, 'clock'>, pushed: readonly Pushed[]): PreparedPush[] {
  const nowMs = clock.now()
  const prepared = pushed.flatMap((each) => {
    const made = toRows(each, nowMs)
    return made === undefined ? [] : [{ view: each.view, ...made }]
  })
  if (prepared.length === 0) throw lacking(pushed)
  return prepared
}

/**
 * Writes rows to the online store: for each key the newest by event time stays, whatever the order of arrival. Rows of people who were erased
 * are left out.
 */
export async function pushOnline(
  { config, online }: Pick<Context, 'config' | 'online'>,
  input: {
    served: Pick<ServedFeatures, 'projectId' | 'erased'>
    actor: Actor
    prepared: readonly PreparedPush[]
  },
): Promise<void> {
  const { served, actor, prepared } = input
  requirePermission(actor, 'contribute', served.projectId)
  for (const { view, rows } of prepared) {
    const left = withoutErased({ config }, served, { view, rows })
    if (left.length > 0) await online.write(onlineView(served.projectId, view), left)
  }
}

function withoutErased(
  { config }: Pick<Context, 'config'>,
  { projectId, erased = [] }: Pick<ServedFeatures, 'projectId' | 'erased'>,
  { view, rows }: Pick<PreparedPush, 'view' | 'rows'>,
): readonly OnlineWrite[] {
  const lists = erased.filter(({ column }) => column === view.entityKey)
  if (lists.length === 0) return rows
  const held = heldKeys(config, projectId)
  const known = lists.map(({ keyId, hashes }) => {
    const key = held.find(({ id }) => id === keyId)
    if (key) return { key, hashes: new Set(hashes) }
    throw new AppError(
      'unavailable',
      `People were erased under the privacy key ${keyId}, which this gateway does not have: give it TIDEMILL_PRIVACY_KEY`,
    )
  })
  return rows.filter(
    ({ entityKey }) => !known.some(({ key, hashes }) => hashes.has(keyedHash(key, entityKey))),
  )
}

function lacking(pushed: readonly Pushed[]): AppError {
  const lacks = pushed.map(({ view, columns, compute }) => {
    const carried = `${view.view} lacks ${missing(featureColumns(view), columns).join(', ')}`
    if (compute === undefined || !view.rowFunction) return carried
    return `${carried}, or to be computed ${missing(rowColumns(view.rowFunction), columns).join(', ')}`
  })
  return new AppError(
    'invalid',
    `No feature view takes these rows: ${lacks.join('; ')}. A pushed row carries the key, the event time and every feature`,
  )
}

/** Columns of a row that carries the features. */
function featureColumns({ entityKey, eventTime, features }: ServedView): string[] {
  return [entityKey, eventTime, ...features.map(({ name }) => name)]
}

function missing(needed: readonly string[], columns: PushedColumns): string[] {
  return needed.filter((name) => !Object.hasOwn(columns, name))
}

type Made = Pick<PreparedPush, 'rows' | 'failedRows'>

/** Undefined when the rows are not such as the view takes. */
function toRows({ view, columns, compute }: Pushed, nowMs: number): Made | undefined {
  const carries = missing(featureColumns(view), columns).length === 0
  const computes =
    compute !== undefined &&
    view.rowFunction !== undefined &&
    missing(rowColumns(view.rowFunction), columns).length === 0
  if (!carries && !computes) return undefined
  if (view.personal !== undefined)
    throw new AppError(
      'invalid',
      `${view.view} has ${view.personal.join(', ')}, which ${view.dataset} does not store as they come: push such rows offline`,
    )
  return carries
    ? { rows: carriedRows(view, columns, nowMs), failedRows: 0 }
    : computedRows(view.rowFunction!, columns, { compute: compute!, nowMs })
}

function carriedRows(view: ServedView, columns: PushedColumns, nowMs: number): OnlineWrite[] {
  const created = view.createdTimestamp === null ? undefined : columns[view.createdTimestamp]
  const features = view.features.map(({ name, kind }) => ({ name, kind, column: columns[name]! }))
  return columns[view.entityKey]!.map((key, row) => {
    const eventMs = toEventTime(columns[view.eventTime]![row], { row, column: view.eventTime }, nowMs)
    return {
      entityKey: toKey(key, { row, column: view.entityKey }),
      eventMs,
      createdMs: createdOf(view, created?.[row], { row, eventMs, nowMs }),
      values: features.map(({ name, kind, column }) => toValue(column[row], kind, { row, column: name })),
    }
  })
}

/** A row is of each key that it names; one that names none is of nobody. */
function computedRows(
  { keys, time, function: { inputs } }: ServedRowFunction,
  columns: PushedColumns,
  { compute, nowMs }: { compute: LoadedOnDemand['compute']; nowMs: number },
): Made {
  const times = columns[time]!
  if (times.length > MAX_COMPUTED_ROWS)
    throw new AppError(
      'invalid',
      `${times.length} rows are too many to be computed here: at most ${MAX_COMPUTED_ROWS} fit`,
    )
  let failedRows = 0
  const rows = times.flatMap((value, row) => {
    const eventMs = toEventTime(value, { row, column: time }, nowMs)
    const request = Object.fromEntries(
      inputs.map(({ name, kind }) => [name, toInput(columns[name]![row], kind, { row, column: name })]),
    )
    const { values, violations } = compute(request)
    if (violations.some((violation) => violation !== 'budget')) failedRows += 1
    return keys
      .filter((key) => columns[key]![row] !== null)
      .map((column) => ({
        entityKey: toKey(columns[column]![row], { row, column }),
        eventMs,
        createdMs: eventMs,
        values,
      }))
  })
  return { rows, failedRows }
}

/** Where a view tells when its rows became known, a row that does not say became known now. */
function createdOf(
  { createdTimestamp }: ServedView,
  value: unknown,
  { row, eventMs, nowMs }: { row: number; eventMs: number; nowMs: number },
): number {
  if (createdTimestamp === null) return eventMs
  return value === undefined || value === null ? nowMs : toTime(value, { row, column: createdTimestamp })
}

interface Place {
  row: number
  column: string
}

function toKey(value: unknown, { row, column }: Place): string {
  const text = keyText(value)
  if (text !== undefined) return text
  throw new AppError('invalid', `Row ${row}: ${column} is the key, and must be a text or a number`)
}

function toEventTime(value: unknown, place: Place, nowMs: number): number {
  const eventMs = toTime(value, place)
  if (eventMs <= nowMs + AHEAD_MS) return eventMs
  throw new AppError('invalid', `Row ${place.row}: ${place.column} lies in the future`)
}

/** As the dataset would store it: times are texts there. */
function toInput(value: unknown, kind: FeatureKind, place: Place): FeatureValue {
  return kind === 'timestamp' && typeof value === 'number'
    ? toTime(undefined, place)
    : toValue(value, kind, place)
}

function toTime(value: unknown, { row, column }: Place): number {
  const timeMs = typeof value === 'string' ? parseTime(value) : NaN
  if (!Number.isNaN(timeMs)) return timeMs
  throw new AppError('invalid', `Row ${row}: ${column} must be an ISO 8601 time`)
}

function toValue(value: unknown, kind: FeatureKind, place: Place): FeatureValue {
  if (value === null || value === undefined || value === Infinity || value === -Infinity) return null
  if (kind === 'timestamp') return typeof value === 'number' ? Math.trunc(value) : toTime(value, place)
  if (kind === 'number' && (typeof value === 'boolean' || typeof value === 'bigint')) return Number(value)
  if (typeof value === (kind === 'category' ? 'string' : 'number')) return value as number | string
  const { row, column } = place
  throw new AppError(
    'invalid',
    `Row ${row}: ${column} must be ${kind === 'category' ? 'a text' : 'a number'}`,
  )
}
