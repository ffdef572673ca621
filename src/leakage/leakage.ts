import type { DatasetDefinition } from '../data/definition.ts'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { type FeatureDefinitions, resolveView } from '../features/definition.ts'
import { followQuery, mentions, type Tables } from './known-flow.ts'
import { isCovered, plain, Unfollowed, type Branch, type FlowColumn, type Need } from './known-select.ts'
import {
  requestColumns,
  type EventSource,
  type FeatureServiceSpec,
  type KnownColumn,
  type ViewSpec,
} from '../features/schema.ts'
import { nodesOf, parseSelect, walk, type SqlNode } from './sql-tree.ts'

type Session = Pick<AnalyticsSession, 'query'>
type Known = Pick<EventSource, 'time' | 'known'>

/**
 * Refuses with `invalid` a view by SQL that uses a value before it is known: each feature and each condition must be
 * seen to have its event time, or its created timestamp, at or after the moments when all columns it reads are known. A query that
 * cannot be followed is refused when it names such a column. Views by windows and row functions wait by themselves.
 */
export async function requireKnownInTime(session: Session, views: readonly ViewSpec[]): Promise<void> {
  for (const view of views) if (view.sql !== undefined && view.source) await checkView(session, view)
}

/** The same of every view that a project declares. DuckDB is asked only when there is something to ask. */
export async function requireNoLeaks(
  { analytics }: Pick<Context, 'analytics'>,
  { definitions, datasets }: { definitions: FeatureDefinitions; datasets: readonly DatasetDefinition[] },
): Promise<void> {
  const views = definitions.views.map((view) => resolveView(view, definitions.entities, datasets))
  await requireKnownInTime(analytics, views)
}

async function checkView(session: Session, view: ViewSpec): Promise<void> {
  const { entityKey, eventTime, createdTimestamp, features, source, dataset } = view
  const what = `The feature view ${view.view}`
  const times = createdTimestamp === null ? [eventTime] : [eventTime, createdTimestamp]
  const early = await findEarly(session, {
    what,
    sql: view.sql!,
    tables: new Map([['dataset', source!]]),
    columns: [entityKey, ...features.map(({ name }) => name)],
    times,
  })
  if (!early) return
  const waits = `Select the moment when it is known as ${quoteIdentifier(eventTime)}, or as a createdTimestamp`
  throw new AppError(
    'invalid',
    `${what} ${explain(early, dataset, source!, times)}. ${waits}, or write the view with aggregate or row, which wait by themselves${early.hint}`,
  )
}

/**
 * Refuses with `invalid` a training set whose spine gives as a feature of the request what is not known at the moment of
 * prediction. A label may be known later; a spine that cannot be followed is refused when it names a column known late.
 */
export async function requireKnownSpine(
  session: Session,
  spec: FeatureServiceSpec,
  { sql, eventTime, tables }: { sql: string; eventTime: string; tables: ReadonlyMap<string, Known> },
): Promise<void> {
  if ([...tables.values()].every(({ known }) => known.length === 0)) return
  const columns = requestNames(spec)
  const what = `The training set of ${spec.name}`
  const early = await findEarly(session, { what, sql, tables, columns, times: [eventTime], whole: false })
  if (!early) return
  const [dataset, source] = [...tables].find(([, { known }]) =>
    known.some(({ column }) => column.toLowerCase() === early.column),
  )!
  throw new AppError(
    'invalid',
    `${what} ${explain(early, dataset, source, [eventTime])}. A request cannot carry it at that moment: take it out of the service, or make a feature view of it`,
  )
}

/**
 * Refuses with `invalid` a training set whose table a step made of datasets with columns that are known late, where it gives as a feature of
 * the request a column that none of them has and nobody vouches for: it may be such a column under another name. Of several datasets the names do not
 * tell whose moments a column has, so one that any of them knows late is refused.
 */
export function requireSeenColumns(
  spec: FeatureServiceSpec,
  {
    columns,
    datasets,
    late,
    knownInTime,
  }: {
    /** Of the table. */
    columns: readonly string[]
    /** The columns of each dataset behind it, by its name. */
    datasets: ReadonlyMap<string, readonly string[]>
    late: readonly { dataset: string; columns: readonly KnownColumn[] }[]
    knownInTime: readonly string[]
  },
): void {
  const has = (names: readonly string[], name: string): boolean =>
    names.some((each) => each.toLowerCase() === name.toLowerCase())
  const missing = knownInTime.find((name) => !has(columns, name))
  if (missing !== undefined)
    throw new AppError('invalid', `knownInTime names ${missing}; the table has ${columns.join(', ')}`)
  const names = [...datasets.keys()].join(' and ')
  if (datasets.size > 1) {
    const wanted = requestNames(spec)
    const early = late.flatMap((of) => of.columns.map(({ column }) => ({ column, dataset: of.dataset })))
    const found = early.find(({ column }) => has(wanted, column))
    if (found)
      throw new AppError(
        'invalid',
        `The training set of ${spec.name} takes ${found.column}, which ${found.dataset} knows late (knownAt), from a table that a step made of ${names}: ` +
          'that it is known in time cannot be seen there. Make a feature view of it, or give what it is there another name',
      )
  }
  const seen = [...[...datasets.values()].flat(), ...knownInTime]
  const unseen = requestNames(spec).filter((name) => has(columns, name) && !has(seen, name))
  if (unseen.length === 0) return
  throw new AppError(
    'invalid',
    `The training set of ${spec.name} takes ${unseen.join(', ')} from a table that a step made of ${names}, where columns are known late (knownAt) and none has this name: ` +
      `whether it is known in time cannot be seen. If it is, say so: trainingSet({ …, knownInTime: [${unseen.map((name) => `'${name}'`).join(', ')}] }); else make a feature view of it`,
  )
}

/** Columns that a row of the spine, or a request, has to bring. */
function requestNames(spec: FeatureServiceSpec): string[] {
  return [...requestColumns(spec).map(({ name }) => name), ...spec.views.map(({ entityKey }) => entityKey)]
}

interface Question {
  what: string
  sql: string
  tables: ReadonlyMap<string, Known>
  /** Columns of the query whose values are used. */
  columns: readonly string[]
  /** Columns of the query that say from when. */
  times: readonly string[]
  /** Whether which rows there are tells something, too. */
  whole?: boolean
}

interface Early {
  /** What may help, where it is a part of the query that is often meant to show it and does not. */
  hint: string
  /** The column of the dataset that is used too early. */
  column: string
  /** What of the query uses it; null when it could not be followed. */
  used: string | null
  /** What could not be followed. */
  unfollowed?: string
}

async function findEarly(session: Session, question: Question): Promise<Early | undefined> {
  const { what, sql, columns, times, whole = true } = question
  const names = [...question.tables.values()].flatMap(({ known }) =>
    known.map(({ column }) => column.toLowerCase()),
  )
  const tree = await parseSelect(session, what, sql)
  try {
    for (const branch of followQuery(tree, await toTables(session, question.tables))) {
      const bounds = times.flatMap((name) => columnOf(branch, name)?.bounds ?? [])
      const used = whole ? [...columns, ...times] : columns
      const parts = used.map((name) => ({ used: name, needs: columnOf(branch, name)?.needs ?? [] }))
      const rows = whole ? [{ used: 'which rows there are', needs: branch.rowNeeds }] : []
      for (const { used, needs } of [...parts, ...rows]) {
        const late = needs.find((need) => !isCovered(need, bounds))
        if (late) return { column: late.column, used, hint: hintOf(tree) }
      }
    }
  } catch (error) {
    if (!(error instanceof Unfollowed)) throw error
    const named =
      error.column ?? names.find((name) => columns.includes(name) || mentions(tree, new Set([name])))
    if (named !== undefined) return { column: named, used: null, unfollowed: error.message, hint: '' }
  }
  return undefined
}

function hintOf(tree: SqlNode): string {
  const nodes = [...walk(tree)]
  if (nodes.some((node) => node['function_name'] === 'greatest'))
    return '. greatest overlooks nulls: write CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN greatest(a, b) END'
  if (
    nodes.some(
      (node) =>
        nodesOf(node['group_expressions']).length > 0 || node['aggregate_handling'] === 'FORCE_AGGREGATES',
    )
  )
    return ". Groups wait when they are made by the moment itself: GROUP BY …, date_trunc('hour', moment), with date_trunc('hour', moment) + INTERVAL 1 HOUR as the event time"
  return ''
}

function columnOf({ columns, open }: Branch, name: string): FlowColumn | undefined {
  return columns.get(name.toLowerCase()) ?? open?.(name.toLowerCase())
}

async function toTables(session: Session, tables: ReadonlyMap<string, Known>): Promise<Tables> {
  const known = new Map<string, Branch[]>()
  for (const [name, source] of tables) known.set(name.toLowerCase(), [await toBranch(session, source)])
  return known
}

async function toBranch(session: Session, { time, known }: Known): Promise<Branch> {
  const bare: Branch = { columns: new Map(), open: (name) => plain(name, []), rowNeeds: [], listed: false }
  const columns = new Map<string, FlowColumn>()
  for (const { column, knownAt } of known) {
    const name = column.toLowerCase()
    const moment =
      knownAt.type === 'after'
        ? { symbol: time.toLowerCase(), plusMs: knownAt.afterMs }
        : {
            symbol: await symbolOf(
              session,
              bare,
              knownAt.type === 'sql' ? knownAt.sql : quoteIdentifier(knownAt.column),
            ),
            plusMs: 0,
          }
    const need: Need = { ...moment, column: name }
    columns.set(name, plain(name, [...(columns.get(name)?.needs ?? []), need]))
  }
  if (known.length > 0) columns.set(time.toLowerCase(), { ...plain(time.toLowerCase(), []), neverNull: true })
  return { ...bare, columns }
}

async function symbolOf(session: Session, bare: Branch, sql: string): Promise<string> {
  const tree = await parseSelect(session, 'knownAt', `SELECT ${sql} AS moment FROM dataset`)
  const [branch] = followQuery(tree, new Map([['dataset', [bare]]]))
  return branch!.columns.get('moment')!.symbol
}

function explain(
  { column, used, unfollowed }: Early,
  dataset: string,
  { time, known }: Known,
  times: readonly string[],
): string {
  const found = known.find((each) => each.column.toLowerCase() === column)!
  const moment = `known at ${describe(found, time)} (knownAt of ${dataset})`
  if (used === null) {
    return `reads ${found.column}, ${moment}, and that it does so in time cannot be seen through ${unfollowed}`
  }
  return `uses ${found.column} for ${used} before it is known: it is ${moment}, and ${times.join(' or ')} may be before that`
}

function describe({ knownAt }: KnownColumn, time: string): string {
  if (knownAt.type === 'after') return `${time} plus ${knownAt.afterMs} ms`
  return knownAt.type === 'column' ? knownAt.column : knownAt.sql
}
