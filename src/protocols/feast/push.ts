import { pushRows } from '../../pushes/pushes.ts'
import {
  preparePush,
  pushOnline,
  type FeatureCatalogue,
  type PreparedPush,
  type PushedColumns,
} from '../../vectors/vectors.ts'
import type { ServedView } from '../../features/schema.ts'
import type { Context } from '../../http/context.ts'
import { AppError, toAppError } from '../../kernel/errors.ts'
import type { Json, JsonObject } from '../../kernel/json.ts'
import { jsonReply, type FeatureEngine, type GatewayCall, type GatewayReply } from '../../serving/serving.ts'
import { parseBody } from './body.ts'
import type { ServerCall } from './materialize.ts'

type PushContext = Pick<Context, 'config' | 'online' | 'clock'>

const MAX_ROWS = 10_000
/** Feast says nothing where nothing went wrong; a header names the views that took the rows. */
const EMPTY: GatewayReply = { status: 200, contentType: 'application/json', body: '' }

/** Fields that Feast's clients send, which have no meaning here: nothing is cached, and nothing is computed when rows are written. */
const SHARED = {
  df: { kind: 'object' },
  allow_registry_cache: { kind: 'boolean', or: true },
  transform_on_write: { kind: 'boolean', or: true },
} as const

const PUSH = {
  ...SHARED,
  push_source_name: { kind: 'string' },
  to: { kind: 'string', or: 'online' },
} as const

const WRITE = { ...SHARED, feature_view_name: { kind: 'string' } } as const

/**
 * `POST /push`: rows for every feature view that is computed from the dataset of this name. What goes offline is handed on to the server
 * first, so that nothing is online that the dataset refused.
 */
export async function answerPush(
  context: PushContext & { forward: (call: GatewayCall) => Promise<GatewayReply> },
  engine: FeatureEngine,
  call: GatewayCall,
): Promise<GatewayReply> {
  const { push_source_name: source, to, df } = parseBody(call.body, PUSH)
  const goes = destinations(to)
  if (!goes.online) return await context.forward(call)
  const catalogue = engine.features(call.project)
  const { columns, rows } = toColumns(df)
  const prepared = preparePush(
    context,
    viewsOf(catalogue, source).map((view) => asPushed(catalogue, view, columns)),
  )
  if (goes.offline) {
    const stored = await context.forward(call)
    if (stored.status !== 200) return stored
  }
  await pushOnline(context, { served: catalogue.served, actor: call.actor, prepared })
  countPushed(engine, prepared, rows)
  const names = prepared.map(({ view }) => view.view)
  return { ...EMPTY, headers: { 'tidemill-feature-views': names.join(',') } }
}

/** The offline part of `POST /push`: what the server does. The same `Idempotency-Key` with the same rows is taken once. */
export async function answerOfflinePush(context: Context, call: ServerCall): Promise<GatewayReply> {
  const { push_source_name: dataset, to, df } = parseBody(call.body, PUSH)
  if (!destinations(to).offline)
    throw new AppError('invalid', 'The server takes rows offline; those for the online store go to a gateway')
  const { projectId, actor } = call
  const key = call.header('idempotency-key') ?? context.ids.uuid()
  const rows = toRecords(toColumns(df))
  await pushRows(context, { projectId, actor, dataset, key, rows }).catch((error: unknown) => {
    if (toAppError(error).code !== 'not_found') throw error
    throw noSource(dataset)
  })
  return EMPTY
}

/** `POST /write-to-online-store`: rows of one feature view. Feast's own client sends what is pushed through it so. */
export async function answerWrite(
  context: PushContext,
  engine: FeatureEngine,
  call: GatewayCall,
): Promise<GatewayReply> {
  const { feature_view_name: name, df } = parseBody(call.body, WRITE)
  const catalogue = engine.features(call.project)
  const view = catalogue.view(name)
  const { columns, rows } = toColumns(df)
  const prepared = preparePush(context, [asPushed(catalogue, view, columns)])
  await pushOnline(context, { served: catalogue.served, actor: call.actor, prepared })
  countPushed(engine, prepared, rows)
  return jsonReply(200, null)
}

function countPushed({ stats }: FeatureEngine, prepared: readonly PreparedPush[], rows: number): void {
  stats.pushedRows += rows * prepared.length
  for (const { failedRows } of prepared) stats.pushFailures += failedRows
}

function asPushed(catalogue: FeatureCatalogue, view: ServedView, columns: PushedColumns) {
  return { view, columns: columnsFor(view, columns), compute: catalogue.rowFunction(view)?.compute }
}

function viewsOf({ served }: FeatureCatalogue, source: string): ServedView[] {
  const views = served.views.filter(({ dataset }) => dataset === source)
  if (views.length > 0) return views
  throw noSource(source)
}

function noSource(source: string): AppError {
  const details = { pushSource: source }
  return new AppError(
    'not_found',
    `No dataset ${source} takes rows, and no feature view is computed from one`,
    { details },
  )
}

function destinations(to: string): { online: boolean; offline: boolean } {
  if (to === 'online_and_offline') return { online: true, offline: true }
  if (to === 'online' || to === 'offline') return { online: to === 'online', offline: to === 'offline' }
  throw new AppError('invalid', `to is "${to}"; it can be online, offline or online_and_offline`)
}

function toRecords({ columns, rows }: { columns: PushedColumns; rows: number }): JsonObject[] {
  const entries = Object.entries(columns) as [string, (Json | bigint)[]][]
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(entries.map(([name, column]) => [name, toJson(column[row]!, { row, name })])),
  )
}

function toJson(value: Json | bigint, { row, name }: { row: number; name: string }): Json {
  if (typeof value !== 'bigint') return value
  throw new AppError(
    'invalid',
    `Row ${row}: ${name} is ${value}, which a JSON number does not hold: send such rows as Parquet, or the number as text`,
  )
}

/** A data frame as pandas takes it: lists by column, or values by column and index. */
function toColumns(df: Readonly<Record<string, unknown>>): { columns: PushedColumns; rows: number } {
  const columns = Object.fromEntries(Object.entries(df).map(([name, column]) => [name, toList(name, column)]))
  const [first, ...others] = Object.entries(columns)
  if (first === undefined || first[1].length === 0) throw new AppError('invalid', 'df has no rows')
  const [name, { length: rows }] = first
  const ragged = others.find(([, column]) => column.length !== rows)
  if (ragged !== undefined)
    throw new AppError(
      'invalid',
      `df is ragged: ${name} has ${rows} rows, ${ragged[0]} has ${ragged[1].length}`,
    )
  if (rows > MAX_ROWS) throw new AppError('invalid', `df has ${rows} rows; at most ${MAX_ROWS} fit`)
  return { columns, rows }
}

function toList(name: string, column: unknown): readonly unknown[] {
  if (Array.isArray(column)) return column
  if (typeof column === 'object' && column !== null) return Object.values(column)
  throw new AppError('invalid', `df.${name} must be a list`)
}

/**
 * The columns under the names that the view has. Feast's client calls the times of rows `event_timestamp` and `created` whatever
 * their source calls them, and sends times that are values in seconds.
 */
function columnsFor(view: ServedView, columns: PushedColumns): PushedColumns {
  const named = { ...columns }
  const rename = (from: string, to: string | null): void => {
    if (to === null || Object.hasOwn(columns, to) || !Object.hasOwn(columns, from)) return
    named[to] = columns[from]!
  }
  rename('event_timestamp', view.eventTime)
  rename('created', view.createdTimestamp)
  for (const { name, kind } of view.features) {
    if (kind === 'timestamp' && Object.hasOwn(named, name))
      named[name] = named[name]!.map((value) => (typeof value === 'number' ? value * 1000 : value))
  }
  return named
}
