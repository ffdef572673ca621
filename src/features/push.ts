import type { Context } from '../http/context.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { parseTime } from '../kernel/time.ts'
import type { OnlineWrite } from '../ports/online/online.ts'
import { onlineView, type FeatureKind, type FeatureValue, type ServedView } from './schema.ts'

/** Rows as columns of equal length, by name. */
export type PushedColumns = Readonly<Record<string, readonly unknown[]>>

/** Rows as one view would take them. */
interface Pushed {
  view: ServedView
  columns: PushedColumns
}

/** Rows of a later time would hide what holds now. */
const AHEAD_MS = 1000

/** Rows of a push that a view takes. */
export interface PreparedPush {
  view: ServedView
  rows: OnlineWrite[]
}

/**
 * Looks at pushed rows, and writes nothing. A row carries the view's key, its event time (ISO 8601, UTC where it names no zone) and
 * every feature of the view; other columns are none of the view's business. Views for which columns are missing are left out.
 * Throws `invalid` when none is left, with row and column for a value that does not fit, and for personal columns that the
 * dataset does not store as they come.
 */
export function preparePush({ clock }: Pick<Context, 'clock'>, pushed: readonly Pushed[]): PreparedPush[] {
  const nowMs = clock.now()
  const fitting = pushed.filter(({ view, columns }) => missingColumns(view, columns).length === 0)
  if (fitting.length === 0) throw lacking(pushed)
  return fitting.map(({ view, columns }) => ({ view, rows: toRows(view, columns, nowMs) }))
}

/** Writes rows to the online store: for each key the newest by event time stays, whatever the order of arrival. */
export async function pushOnline(
  { online }: Pick<Context, 'online'>,
  { projectId, actor, prepared }: { projectId: string; actor: Actor; prepared: readonly PreparedPush[] },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  for (const { view, rows } of prepared) await online.write(onlineView(projectId, view), rows)
}

function lacking(pushed: readonly Pushed[]): AppError {
  const lacks = pushed.map(
    ({ view, columns }) => `${view.view} lacks ${missingColumns(view, columns).join(', ')}`,
  )
  return new AppError(
    'invalid',
    `No feature view takes these rows: ${lacks.join('; ')}. A pushed row carries the key, the event time and every feature`,
  )
}

/** Columns that a row must carry to be pushed to a view, but which these lack. */
function missingColumns(view: ServedView, columns: PushedColumns): string[] {
  const needed = [view.entityKey, view.eventTime, ...view.features.map(({ name }) => name)]
  return needed.filter((name) => !Object.hasOwn(columns, name))
}

function toRows(view: ServedView, columns: PushedColumns, nowMs: number): OnlineWrite[] {
  if (view.personal !== undefined)
    throw new AppError(
      'invalid',
      `${view.view} has ${view.personal.join(', ')}, which ${view.dataset} does not store as they come: push such rows offline`,
    )
  const created = view.createdTimestamp === null ? undefined : columns[view.createdTimestamp]
  const features = view.features.map(({ name, kind }) => ({ name, kind, column: columns[name]! }))
  return columns[view.entityKey]!.map((key, row) => {
    const eventMs = toTime(columns[view.eventTime]![row], { row, column: view.eventTime })
    if (eventMs > nowMs + AHEAD_MS)
      throw new AppError('invalid', `Row ${row}: ${view.eventTime} lies in the future`)
    return {
      entityKey: toKey(key, { row, column: view.entityKey }),
      eventMs,
      createdMs: createdOf(view, created?.[row], { row, eventMs, nowMs }),
      values: features.map(({ name, kind, column }) => toValue(column[row], kind, { row, column: name })),
    }
  })
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
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw new AppError('invalid', `Row ${row}: ${column} is the key, and must be a text or a number`)
}

function toTime(value: unknown, { row, column }: Place): number {
  const timeMs = typeof value === 'string' ? parseTime(value) : NaN
  if (!Number.isNaN(timeMs)) return timeMs
  throw new AppError('invalid', `Row ${row}: ${column} must be an ISO 8601 time`)
}

function toValue(value: unknown, kind: FeatureKind, place: Place): FeatureValue {
  if (value === null || value === undefined || value === Infinity || value === -Infinity) return null
  if (kind === 'timestamp') return typeof value === 'number' ? Math.trunc(value) : toTime(value, place)
  if (kind === 'number' && typeof value === 'boolean') return Number(value)
  if (typeof value === (kind === 'category' ? 'string' : 'number')) return value as number | string
  const { row, column } = place
  throw new AppError(
    'invalid',
    `Row ${row}: ${column} must be ${kind === 'category' ? 'a text' : 'a number'}`,
  )
}
