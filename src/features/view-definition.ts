import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { type DatasetDefinition, knownColumns, longestWaitMs } from '../data/definition.ts'
import { AppError } from '../kernel/errors.ts'
import { durationMs, type Duration } from '../kernel/duration.ts'
import { hashJson } from '../kernel/json.ts'
import {
  aboutFeatures,
  aboutFields,
  describedBy,
  toList,
  type AboutOptions,
  type DescribedKinds,
} from './about.ts'
import {
  aggregate,
  aggregateColumns,
  aggregateFeatures,
  toAggregate,
  type AggregateOptions,
} from './aggregate.ts'
import { feature, type FeatureKind } from './feature.ts'
import { rowFunction, type KnownColumn, type ViewSpec } from './schema.ts'

export const name = z
  .string()
  .regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,99}$/, 'a name starts with a letter and has letters, digits, _ and -')

export const entityDefinition = z.strictObject({
  kind: z.literal('entity'),
  name,
  key: z.string().min(1),
  ...aboutFields,
})
export type EntityDefinition = z.infer<typeof entityDefinition>

export const featureViewDefinition = z
  .strictObject({
    kind: z.literal('featureView'),
    name,
    entity: name,
    dataset: name,
    sql: z.string().min(1).optional(),
    /** Columns that hold a key of the entity; the entity's own when absent. Not with `sql`. */
    keys: z.array(z.string().min(1)).min(1).optional(),
    aggregates: z.array(aggregate).min(1).optional(),
    row: rowFunction.optional(),
    eventTime: z.string().min(1).default('event_time'),
    createdTimestamp: z.string().min(1).optional(),
    ttlMs: z.number().positive(),
    lookbackMs: z.number().positive().optional(),
    features: z.array(feature).min(1),
    ...aboutFeatures,
  })
  .refine((view) => view.createdTimestamp === undefined || view.lookbackMs === undefined, {
    message: 'lookback and createdTimestamp exclude each other: a correction may be of any age',
  })
  .refine((view) => [view.sql, view.aggregates, view.row].filter((way) => way !== undefined).length === 1, {
    message: 'a feature view computes its features by one of sql, aggregate (with windows) and row',
  })
  .refine((view) => view.sql !== undefined || (view.createdTimestamp ?? view.lookbackMs) === undefined, {
    message: 'createdTimestamp and lookback belong to sql: of other views they follow from the dataset',
  })
  .refine((view) => view.sql === undefined || view.keys === undefined, {
    message: 'key belongs to aggregate and row: sql selects the key under the name that the entity gives it',
  })
export type FeatureViewDefinition = z.infer<typeof featureViewDefinition>

interface Subject extends AboutOptions {
  entity: EntityDefinition | string
  dataset: DatasetDefinition | string
}

interface SqlView extends Subject {
  sql: string
  ttl: Duration
  features: DescribedKinds
  eventTime?: string
  createdTimestamp?: string
  lookback?: Duration
}

interface WindowedView extends Subject {
  /** The column that holds the key, or several: a row counts once for each. Default: the entity's key. */
  key?: string | readonly string[]
  windows: readonly Duration[]
  aggregate: AggregateOptions
  /** Default: the longest window. */
  ttl?: Duration
}

interface RowView extends Subject {
  key?: string | readonly string[]
  row: { module: string; export: string; inputs: Readonly<Record<string, FeatureKind>>; budgetMs?: number }
  features: DescribedKinds
  ttl: Duration
}

/**
 * Features computed from a dataset, in one of three ways. A value older than `ttl` counts as missing, in training and
 * in serving alike.
 *
 * By windows: `aggregate` over the rows that became known in the last while, (t − window, t] at each moment t, so that
 * a value also changes when rows leave the window.
 *
 * @example
 * featureView('airport_delays', {
 *   entity: airport,
 *   dataset: flights,
 *   key: ['origin', 'destination'],
 *   windows: ['1h', '3h'],
 *   aggregate: { delay: { mean: 'delay' }, late: { share: { delay: { above: 15 } } }, flights: { count: '*' } },
 * })  // delay_1h, delay_3h, late_1h, …
 *
 * By a row function: a pure synchronous function of a module of its own, `(row) => features`, of each row by itself. A
 * timestamp is given as ms since the epoch.
 *
 * @example
 * featureView('route', {
 *   entity: airport,
 *   dataset: flights,
 *   row: { module: new URL('./features/route.ts', import.meta.url).href, export: 'route', inputs: { distance: 'number' } },
 *   features: { long_haul: 'number' },
 *   ttl: '1d',
 * })
 *
 * By SQL (DuckDB): `sql` selects FROM `dataset` one row for each entity and moment: the entity's key, `event_time` (when
 * the values became true; never before the time of the rows they come from), and the features. With `lookback`, keeping
 * the online store up to date reads only rows of the dataset whose time is less than that before the new ones: it must
 * cover the longest window plus the longest time from a row to its event. `createdTimestamp` names a column of `sql`
 * that says when a row became known: then training sees each moment as it was known at that moment.
 */
export function featureView(name: string, options: SqlView | WindowedView | RowView): FeatureViewDefinition {
  const { entity, dataset, key, windows, aggregate, row, ttl, lookback, features, ...rest } =
    options as Subject & Partial<SqlView & WindowedView & RowView>
  if (aggregate && (windows === undefined || features !== undefined)) {
    throw new TypeError(`The feature view ${name} needs windows for aggregate; its features follow from both`)
  }
  const aggregates = Object.entries(aggregate ?? {}).map(([name, each]) => toAggregate(name, each, windows!))
  const longestMs = Math.max(...aggregates.flatMap((each) => each.windows.map(({ ms }) => ms)))
  return featureViewDefinition.parse({
    kind: 'featureView',
    name,
    entity: nameOf(entity),
    dataset: nameOf(dataset),
    ...rest,
    keys: typeof key === 'string' ? [key] : key,
    aggregates: aggregate && aggregates,
    row: row && { ...row, inputs: toList(row.inputs) },
    ttlMs: ttl === undefined && aggregate ? longestMs : durationMs.parse(ttl),
    lookbackMs: lookback && durationMs.parse(lookback),
    features: aggregate ? aggregateFeatures(aggregates) : toList(features ?? {}),
    ...describedBy(features ?? {}),
  })
}

function nameOf(reference: { name: string } | string): string {
  return typeof reference === 'string' ? reference : reference.name
}

/** A module as a path inside the project, as a project version stores it. Throws `invalid` when it lies outside. */
export function modulePath(what: string, module: string, projectDirectory: string): string {
  const path = module.startsWith('file:') ? relative(projectDirectory, fileURLToPath(module)) : module
  if (path.startsWith('..') || path.startsWith('/')) {
    throw new AppError('invalid', `${what} has its module outside of the project: ${path}`)
  }
  return path.split(sep).join('/')
}

/** A view complete with its entity and what its dataset says of times. Throws `invalid` when one of them is not declared. */
export function resolveView(
  view: FeatureViewDefinition,
  entities: readonly EntityDefinition[],
  datasets: readonly DatasetDefinition[],
): ViewSpec {
  const about = entities.find(({ name }) => name === view.entity)
  if (!about)
    throw new AppError(
      'invalid',
      `The feature view ${view.name} is about ${view.entity}, which is no entity of the project`,
    )
  const computed = {
    view: view.name,
    entity: about.name,
    entityKey: about.key,
    dataset: view.dataset,
    sql: view.sql,
    eventTime: view.eventTime,
    createdTimestamp: view.createdTimestamp ?? null,
    features: view.features,
    ...sourceOf(view, about, datasets),
    ...(view.aggregates && { aggregates: view.aggregates }),
    ...(view.row && { row: view.row }),
  }
  const lookbackMs = view.sql === undefined ? lookbackOf(computed) : (view.lookbackMs ?? null)
  return { ...computed, ttlMs: view.ttlMs, lookbackMs, definitionHash: hashJson(computed) }
}

/** A view by SQL has a source only where its dataset says when columns are known: then all of these may be read. */
function sourceOf(
  view: FeatureViewDefinition,
  { key }: EntityDefinition,
  datasets: readonly DatasetDefinition[],
): Pick<ViewSpec, 'source'> {
  const dataset = datasets.find(({ name }) => name === view.dataset)
  if (view.sql !== undefined && dataset?.knownAt === undefined) return {}
  if (dataset?.time === undefined) {
    const problem = dataset ? 'declares no time column' : 'is no dataset of the project'
    throw new AppError('invalid', `The feature view ${view.name} reads ${view.dataset}, which ${problem}`)
  }
  const keys = view.keys ?? [key]
  const read = view.aggregates ? aggregateColumns(view.aggregates) : view.row?.inputs.map(({ name }) => name)
  const known = knownColumnsOf(dataset).filter(
    ({ column }) => read === undefined || [...keys, ...read].includes(column),
  )
  return { source: { keys, time: dataset.time, known } }
}

export function knownColumnsOf({ knownAt }: DatasetDefinition): KnownColumn[] {
  return Object.entries(knownColumns(knownAt)).map(([column, known]) => ({ column, knownAt: known }))
}

/** How long after its time a row still matters to an event: until it is known, and then for the longest window. */
function lookbackOf({ source, aggregates = [] }: Pick<ViewSpec, 'source' | 'aggregates'>): number | null {
  const waits = source!.known.map(({ knownAt }) => longestWaitMs(knownAt))
  if (waits.includes(null)) return null
  const longestMs = Math.max(0, ...aggregates.flatMap(({ windows }) => windows.map(({ ms }) => ms)))
  return Math.max(0, ...waits.map((wait) => wait ?? 0)) + longestMs + 1
}

/** A view whose row function has its module as a path inside the project. */
export function withRowModule(view: FeatureViewDefinition, projectDirectory: string): FeatureViewDefinition {
  if (!view.row) return view
  const module = modulePath(`The feature view ${view.name}`, view.row.module, projectDirectory)
  return { ...view, row: { ...view.row, module } }
}
