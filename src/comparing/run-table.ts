import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable } from '../ports/db/db.ts'
import type { Filter, OrderTerm } from '../search/search.ts'
import { defaultExperiment, type Lifecycle, type RunRow, searchRunRows } from '../tracking/tracking.ts'
import { columnKinds, type RunColumn, type RunColumns, type RunTable, type RunTableRow } from './schema.ts'
import {
  countChildren,
  countRuns,
  listChosenMetrics,
  listChosenValues,
  keepExperimentIds,
  listExperimentIds,
  listKeys,
  summarizeKeys,
} from './store-table.ts'

export interface RunTableSearch extends Caller {
  /** Default: all experiments of the project. `0` is Default. */
  experimentIds?: readonly string[] | undefined
  filter: Filter
  orderBy?: readonly OrderTerm[] | undefined
  lifecycle: Lifecycle | 'all'
  /** Only runs that are not nested in another. */
  roots?: boolean | undefined
  /** Only the children of this run. */
  parentRunId?: string | undefined
  /** Only these runs. */
  runIds?: readonly string[] | undefined
}

const MAX_EXPERIMENTS = 10_000
const SAMPLE = 20
const NESTED_SAMPLE = 100
const CHOSEN = { metric: 6, param: 6 } as const

/**
 * A page of runs with the values of the chosen columns only, so that it costs the same for a run with three metrics and one with three
 * thousand. Without a choice the columns are those worth a look: the metrics that most of the first runs have, and the params that differ.
 * A table of roots looks at what is nested in the first runs too, for it is shown in the same columns.
 */
export async function readRunTable(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: RunTableSearch & {
    columns?: readonly RunColumn[] | undefined
    limit: number
    pageToken?: string | undefined
  },
): Promise<RunTable> {
  const { projectId, actor, limit, pageToken, lifecycle } = input
  requirePermission(actor, 'view', projectId)
  const { rows, ...next } = await searchRunRows(db.read, db.dialect, {
    projectId,
    experimentIds: await chosenExperiments({ db, clock }, input),
    filter: wholeFilter(input),
    orderBy: input.orderBy ?? [],
    lifecycle,
    limit,
    pageToken,
  })
  const columns = input.columns ?? (await tellingColumns(db, rows, input))
  const runIds = rows.map((row) => row.id)
  const children = await countChildren(db.read, { projectId, runIds, lifecycle })
  const values = await readValues(db.read, runIds, columns)
  return {
    atMs: clock.now(),
    columns: [...columns],
    rows: rows.map((row) => toTableRow(row, children.get(row.id) ?? 0, values.get(row.id)!)),
    ...next,
  }
}

/** How many runs the whole table has. */
export async function countRunTable(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: RunTableSearch,
): Promise<number> {
  const { projectId, actor, lifecycle } = input
  requirePermission(actor, 'view', projectId)
  const experimentIds = await chosenExperiments({ db, clock }, input)
  return await countRuns(db.read, db.dialect, {
    projectId,
    experimentIds,
    filter: wholeFilter(input),
    lifecycle,
  })
}

/** The keys that a table of these experiments can show, with the number of runs that have each; at most `limit` of a kind. */
export async function listRunColumns(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & { experimentIds?: readonly string[] | undefined; containing: string; limit: number },
): Promise<RunColumns> {
  const { projectId, actor, limit } = input
  requirePermission(actor, 'view', projectId)
  const experimentIds = await chosenExperiments({ db, clock }, { ...input, lifecycle: 'active' })
  const search = { experimentIds, containing: input.containing.toLowerCase(), limit }
  return {
    metrics: await listKeys(db.read, db.dialect, { table: 'run_metric_latest', ...search }),
    params: await listKeys(db.read, db.dialect, { table: 'run_param', ...search }),
    tags: await listKeys(db.read, db.dialect, { table: 'run_tag', ...search }),
  }
}

/** `metric:auc` as a column. Throws `invalid`. */
export function parseColumn(text: string): RunColumn {
  const colon = text.indexOf(':')
  const kind = columnKinds.find((known) => known === text.slice(0, colon))
  const key = text.slice(colon + 1)
  if (kind && key !== '') return { kind, key }
  throw new AppError('invalid', `A column is metric:<key>, param:<key> or tag:<key>, not “${text}”`)
}

async function chosenExperiments(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: { projectId: string; experimentIds?: readonly string[] | undefined; lifecycle: Lifecycle | 'all' },
): Promise<readonly string[]> {
  const { projectId, experimentIds } = input
  if (!experimentIds) return await listExperimentIds(db.read, projectId, input.lifecycle, MAX_EXPERIMENTS)
  const wanted = experimentIds.filter((id) => id !== '0')
  if (wanted.length < experimentIds.length)
    wanted.push((await defaultExperiment({ db, clock }, projectId)).id)
  return await keepExperimentIds(db.read, projectId, wanted)
}

function wholeFilter({ filter, roots, parentRunId, runIds }: RunTableSearch): Filter {
  const more: Filter[] = []
  if (roots) more.push({ field: 'attribute', key: 'parentRunId', operator: 'missing' })
  if (parentRunId !== undefined)
    more.push({ field: 'attribute', key: 'parentRunId', operator: '=', value: parentRunId })
  if (runIds) more.push({ field: 'attribute', key: 'id', operator: 'in', values: [...runIds] })
  return more.length === 0 ? filter : { and: [filter, ...more] }
}

async function tellingColumns(
  { read: at, dialect }: Context['db'],
  rows: readonly RunRow[],
  { projectId, roots, lifecycle }: RunTableSearch,
): Promise<RunColumn[]> {
  const first = rows.slice(0, SAMPLE).map((row) => row.id)
  const nested =
    roots && first.length > 0
      ? await searchRunRows(at, dialect, {
          projectId,
          experimentIds: [...new Set(rows.map((row) => row.experiment_id))],
          filter: { field: 'attribute', key: 'parentRunId', operator: 'in', values: first },
          orderBy: [],
          lifecycle,
          limit: NESTED_SAMPLE,
        })
      : { rows: [] }
  const runIds = [...first, ...nested.rows.map((row) => row.id)]
  const metrics = await summarizeKeys(at, { table: 'run_metric_latest', runIds, limit: 100 })
  const params = await summarizeKeys(at, { table: 'run_param', runIds, limit: 100 })
  const shown = metrics.filter(({ key }) => !key.startsWith('system/')).slice(0, CHOSEN.metric)
  const differing = params.filter(({ values }) => values > 1)
  const told = (differing.length > 0 ? differing : params).slice(0, CHOSEN.param)
  return [
    ...shown.map(({ key }): RunColumn => ({ kind: 'metric', key })),
    ...told.map(({ key }): RunColumn => ({ kind: 'param', key })),
  ]
}

async function readValues(
  at: Queryable,
  runIds: readonly string[],
  columns: readonly RunColumn[],
): Promise<Map<string, RunTableRow['values']>> {
  const values = new Map(runIds.map((id) => [id, columns.map((): number | string | null => null)]))
  for (const kind of columnKinds) {
    const places = new Map<string, number>()
    for (const [index, column] of columns.entries()) if (column.kind === kind) places.set(column.key, index)
    const keys = [...places.keys()]
    if (kind === 'metric')
      for (const { runId, key, value } of await listChosenMetrics(at, runIds, keys))
        values.get(runId)![places.get(key)!] = Number.isFinite(value) ? value : String(value)
    else
      for (const { run_id, key, value } of await listChosenValues(at, `run_${kind}`, runIds, keys))
        values.get(run_id)![places.get(key)!] = value
  }
  return values
}

function toTableRow(row: RunRow, children: number, values: RunTableRow['values']): RunTableRow {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    experimentId: row.experiment_id,
    userId: row.user_id,
    startMs: row.start_ms,
    ...(row.end_ms !== null && { endMs: row.end_ms }),
    createdMs: row.created_ms,
    ...(row.parent_run_id !== null && { parentRunId: row.parent_run_id }),
    lifecycle: row.lifecycle,
    children,
    values,
  }
}
