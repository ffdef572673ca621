import { sql, type RawBuilder, type Updateable } from 'kysely'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { wallTimeSql, type DialectName } from '../ports/db/dialect.ts'
import type { Filter, OrderTerm } from './filter.ts'
import type { Experiment, Run, Tag } from './schema.ts'
import {
  afterSql,
  decodePageToken,
  encodePageToken,
  filterSql,
  orderByClause,
  orderSql,
  type OrderSql,
  type Searchable,
} from './store-search.ts'
import type { ExperimentRow, Lifecycle, RunRow } from './tables.ts'

/** The next id of an experiment; the row lock makes ids unique across the server. */
export async function drawExperimentId(trx: Trx): Promise<string> {
  const { value } = await trx
    .updateTable('experiment_counter')
    .set((eb) => ({ value: eb('value', '+', 1) }))
    .where('id', '=', 'experiment')
    .returning('value')
    .executeTakeFirstOrThrow()
  return String(value)
}

export async function insertExperiment(trx: Trx, row: ExperimentRow): Promise<void> {
  await trx.insertInto('experiment').values(row).execute()
}

/** Does nothing when another process has just made it. */
export async function insertExperimentIfAbsent(trx: Trx, row: ExperimentRow): Promise<void> {
  await trx
    .insertInto('experiment')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function updateExperiment(
  trx: Trx,
  id: string,
  change: Pick<Updateable<ExperimentRow>, 'name' | 'lifecycle' | 'updated_ms'>,
): Promise<void> {
  await trx.updateTable('experiment').set(change).where('id', '=', id).execute()
}

export async function findExperimentRow(
  at: Queryable,
  key: { projectId: string } & ({ id: string } | { name: string } | { isDefault: true }),
): Promise<ExperimentRow | undefined> {
  const query = at.selectFrom('experiment').selectAll().where('project_id', '=', key.projectId)
  if ('id' in key) return await query.where('id', '=', key.id).executeTakeFirst()
  if ('name' in key) return await query.where('name', '=', key.name).executeTakeFirst()
  return await query.where('is_default', '=', 1).executeTakeFirst()
}

export async function listExperimentTags(at: Queryable, ids: readonly string[]): Promise<Map<string, Tag[]>> {
  if (ids.length === 0) return new Map()
  const rows = await at
    .selectFrom('experiment_tag')
    .select(['experiment_id', 'key', 'value'])
    .where('experiment_id', 'in', ids)
    .orderBy('key')
    .execute()
  return groupBy(
    rows,
    (row) => row.experiment_id,
    ({ key, value }) => ({ key, value }),
  )
}

export async function upsertExperimentTags(
  trx: Trx,
  { experimentId, projectId, tags }: { experimentId: string; projectId: string; tags: readonly Tag[] },
): Promise<void> {
  if (tags.length === 0) return
  await trx
    .insertInto('experiment_tag')
    .values(
      lastOfEachKey(tags).map((tag) => ({ experiment_id: experimentId, project_id: projectId, ...tag })),
    )
    .onConflict((conflict) =>
      conflict.columns(['experiment_id', 'key']).doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })),
    )
    .execute()
}

export async function deleteExperimentTagRow(trx: Trx, experimentId: string, key: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('experiment_tag')
    .where('experiment_id', '=', experimentId)
    .where('key', '=', key)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export interface Search {
  projectId: string
  filter: Filter
  orderBy: readonly OrderTerm[]
  lifecycle: Lifecycle | 'all'
  limit: number
  pageToken?: string | undefined
}

export interface Page<Row> {
  rows: Row[]
  nextPageToken?: string
}

const EXPERIMENTS: Searchable = {
  what: 'Experiments',
  attributes: {
    id: { column: 'e.id', kind: 'text' },
    name: { column: 'e.name', kind: 'text' },
    createdMs: { column: 'e.created_ms', kind: 'number' },
    updatedMs: { column: 'e.updated_ms', kind: 'number' },
  },
  values: { tag: { table: 'experiment_tag', owner: 'experiment_id' } },
  id: 'e.id',
}

export async function searchExperimentRows(
  at: Queryable,
  dialect: DialectName,
  search: Search,
): Promise<Page<ExperimentRow>> {
  return await searchPage<ExperimentRow>(at, search, {
    from: sql`experiment e`,
    columns: sql`e.*`,
    scope: sql`e.project_id = ${search.projectId}${lifecycleSql('e', search.lifecycle)}`,
    filter: filterSql(dialect, EXPERIMENTS, search.filter),
    order: orderSql(EXPERIMENTS, search.orderBy, [
      { expression: sql.ref('e.created_ms'), descending: true },
      { expression: sql.ref('e.id'), descending: true },
    ]),
  })
}

const RUN_ATTRIBUTES: Searchable['attributes'] = {
  id: { column: 'r.id', kind: 'text' },
  name: { column: 'r.name', kind: 'text' },
  userId: { column: 'r.user_id', kind: 'text' },
  status: { column: 'r.status', kind: 'text' },
  artifactUri: { column: 'r.artifact_uri', kind: 'text' },
  experimentId: { column: 'r.experiment_id', kind: 'text' },
  parentRunId: { column: 'r.parent_run_id', kind: 'text', nullable: true },
  startMs: { column: 'r.start_ms', kind: 'number' },
  endMs: { column: 'r.end_ms', kind: 'number', nullable: true },
}

/** Where the fields of runs live, for filters inside these experiments. */
export function runSearchable(experimentIds: readonly string[]): Searchable {
  return {
    what: 'Runs',
    attributes: RUN_ATTRIBUTES,
    values: {
      param: { table: 'run_param', owner: 'run_id' },
      tag: { table: 'run_tag', owner: 'run_id' },
    },
    metric: { table: 'run_metric_latest', owner: 'run_id' },
    datasets: true,
    id: 'r.id',
    scope: { column: 'experiment_id', ids: experimentIds },
  }
}

export async function searchRunRows(
  at: Queryable,
  dialect: DialectName,
  search: Search & { experimentIds: readonly string[] },
): Promise<Page<RunRow>> {
  if (search.experimentIds.length === 0) return { rows: [] }
  const searchable = runSearchable(search.experimentIds)
  const query: PageQuery = {
    from: sql`run r`,
    columns: sql`r.*`,
    scope: sql`${runScope(dialect, search)}${lifecycleSql('r', search.lifecycle)}`,
    filter: filterSql(dialect, searchable, search.filter),
    order: orderSql(searchable, search.orderBy, [
      { expression: sql.ref('r.start_ms'), descending: true },
      { expression: sql.ref('r.id'), descending: false },
    ]),
  }
  const filter = (id: string, of: Filter): RawBuilder<unknown> =>
    filterSql(dialect, { ...searchable, id }, of)
  return (await firstByMetric(at, search, { query, filter })) ?? (await searchPage<RunRow>(at, search, query))
}

/**
 * The page when runs of one experiment are ordered by a metric first and the page lies among those that have it: the index gives them in
 * order, so that only the page is read. What the filter asks of that metric bounds the walk over the index. Undefined when the page
 * reaches beyond them.
 */
async function firstByMetric(
  at: Queryable,
  search: Search & { experimentIds: readonly string[] },
  { query, filter }: { query: PageQuery; filter: (id: string, of: Filter) => RawBuilder<unknown> },
): Promise<Page<RunRow> | undefined> {
  const [term] = search.orderBy
  const [experimentId, ...others] = search.experimentIds
  if (term?.field !== 'metric' || experimentId === undefined || others.length > 0) return undefined
  const [, , ...rest] = query.order.parts
  const parts = [
    { expression: sql.ref('o0.is_nan'), descending: false },
    { ...term, expression: sql.ref('o0.value') },
    ...rest,
  ]
  const after = search.pageToken ? decodePageToken(search.pageToken, parts.length) : undefined
  if (after && after[0] !== 0) return undefined
  const bound = after ? sql` and o0.value ${sql.raw(term.descending ? '<=' : '>=')} ${after[1]}` : sql``
  const { own, remaining } = splitByMetric(search.filter, term.key)
  const page = await searchPage<RunRow>(at, search, {
    ...query,
    // A cross join keeps SQLite from turning the two around.
    from: sql`run_metric_latest o0 cross join run r`,
    scope: sql`o0.experiment_id = ${experimentId} and o0.key = ${term.key} and o0.is_nan = 0${bound}
      ${sql.join(own, sql` `)} and r.id = o0.run_id and ${query.scope}`,
    filter: filter('o0.run_id', remaining),
    order: { joins: query.order.joins.slice(1), parts },
  })
  // A filter on the metric holds for none that lacks it.
  return page.nextPageToken === undefined && own.length === 0 ? undefined : page
}

/**
 * One experiment's runs are walked by the experiment, many by the project. An expression keeps SQLite from walking the project's where
 * one experiment's are asked for; PostgreSQL would take it for a condition that hardly any row meets.
 */
function runScope(
  dialect: DialectName,
  { projectId, experimentIds }: { projectId: string; experimentIds: readonly string[] },
) {
  const [only, ...others] = experimentIds
  if (others.length > 0)
    return sql`r.project_id = ${projectId} and r.experiment_id in (${sql.join(experimentIds)})`
  const project = dialect === 'sqlite' ? sql`r.project_id || ''` : sql`r.project_id`
  return sql`r.experiment_id = ${only} and ${project} = ${projectId}`
}

/** What a filter asks of one metric in any case, as conditions over `o0`, and the rest of it. */
function splitByMetric(filter: Filter, key: string): { own: RawBuilder<unknown>[]; remaining: Filter } {
  const own: RawBuilder<unknown>[] = []
  const remaining: Filter[] = []
  for (const member of 'and' in filter ? filter.and : [filter]) {
    // A NaN is other than every number, and not in this walk.
    const bounds =
      'field' in member &&
      member.field === 'metric' &&
      member.key === key &&
      member.operator !== '!=' &&
      member.datasets === undefined
    if (bounds) own.push(sql`and o0.value ${sql.raw(member.operator)} ${member.value}`)
    else remaining.push(member)
  }
  return { own, remaining: { and: remaining } }
}

export function lifecycleSql(alias: string, lifecycle: Lifecycle | 'all') {
  return lifecycle === 'all' ? sql`` : sql` and ${sql.ref(`${alias}.lifecycle`)} = ${lifecycle}`
}

export interface PageQuery {
  from: RawBuilder<unknown>
  columns: RawBuilder<unknown>
  scope: RawBuilder<unknown>
  filter: RawBuilder<unknown>
  order: OrderSql
}

/** One page in order: the rows, and a token with the order values of the last one when there may be more. */
export async function searchPage<Row>(
  at: Queryable,
  { limit, pageToken }: { limit: number; pageToken?: string | undefined },
  query: PageQuery,
): Promise<Page<Row>> {
  const { parts, joins } = query.order
  const after = pageToken ? sql` and ${afterSql(parts, decodePageToken(pageToken, parts.length))}` : sql``
  const keys = parts.map(({ expression }, index) => sql`${expression} as ${sql.ref(`order_${index}`)}`)
  const { rows } = await sql<Row & Record<`order_${number}`, unknown>>`
    select ${query.columns}, ${sql.join(keys)} from ${query.from} ${sql.join(joins, sql` `)}
    where ${query.scope} and ${query.filter}${after}
    ${orderByClause(parts)} limit ${limit + 1}`.execute(at)
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  if (rows.length <= limit || !last) return { rows: page }
  return { rows: page, nextPageToken: encodePageToken(parts.map((_, index) => last[`order_${index}`])) }
}

export async function insertRun(trx: Trx, row: RunRow): Promise<void> {
  await trx.insertInto('run').values(row).execute()
}

export async function findRunRow(at: Queryable, projectId: string, id: string): Promise<RunRow | undefined> {
  return await at
    .selectFrom('run')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
}

export async function getRunRow(at: Queryable, projectId: string, id: string): Promise<RunRow> {
  const row = await findRunRow(at, projectId, id)
  if (row) return row
  throw runNotFound(id)
}

function runNotFound(id: string): AppError {
  return new AppError('not_found', `Run with id=${id} not found`, { details: { runId: id } })
}

/** A run as a writer reads it: with the database's wall time of that moment. */
export type RunAtWrite = RunRow & { wall_ms: number }

export async function getRunAtWrite(trx: Trx, projectId: string, id: string): Promise<RunAtWrite> {
  const { rows } = await sql<RunAtWrite>`select *, ${wallTimeSql(trx)} as wall_ms from run
    where id = ${id} and project_id = ${projectId}`.execute(trx)
  if (rows[0]) return rows[0]
  throw runNotFound(id)
}

export async function updateRunRow(trx: Trx, id: string, change: Updateable<RunRow>): Promise<void> {
  await trx.updateTable('run').set(change).where('id', '=', id).execute()
}

/** Claims the run's next announcement. False when another transaction has just made it. */
export async function claimAnnouncement(
  trx: Trx,
  { id, announced_ms, wall_ms }: RunAtWrite,
): Promise<boolean> {
  const result = await trx
    .updateTable('run')
    .set({ announced_ms: wall_ms })
    .where('id', '=', id)
    .where('announced_ms', '=', announced_ms)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Deletes or restores the runs of an experiment with it; runs deleted by themselves earlier stay deleted. */
export async function cascadeLifecycle(
  trx: Trx,
  { experimentId, lifecycle, atMs }: { experimentId: string; lifecycle: Lifecycle; atMs: number },
): Promise<void> {
  const runs = trx.updateTable('run').where('experiment_id', '=', experimentId)
  if (lifecycle === 'deleted')
    await runs.set({ lifecycle, deleted_ms: atMs }).where('lifecycle', '=', 'active').execute()
  else await runs.set({ lifecycle, deleted_ms: null }).where('deleted_ms', '=', atMs).execute()
}

export async function listChildRows(
  at: Queryable,
  projectId: string,
  parentRunId: string,
  limit = 500,
): Promise<RunRow[]> {
  return await at
    .selectFrom('run')
    .selectAll()
    .where('parent_run_id', '=', parentRunId)
    .where('project_id', '=', projectId)
    .where('lifecycle', '=', 'active')
    .orderBy('start_ms')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export function toExperiment(row: ExperimentRow, tags: Tag[]): Experiment {
  return {
    id: row.id,
    name: row.name,
    isDefault: row.is_default === 1,
    artifactLocation: row.artifact_location,
    lifecycle: row.lifecycle,
    tags,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  }
}

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    experimentId: row.experiment_id,
    name: row.name,
    userId: row.user_id,
    status: row.status,
    startMs: row.start_ms,
    ...(row.end_ms !== null && { endMs: row.end_ms }),
    artifactUri: row.artifact_uri,
    ...(row.parent_run_id !== null && { parentRunId: row.parent_run_id }),
    lifecycle: row.lifecycle,
  }
}

/** PostgreSQL refuses one upsert that would change a row twice; the last value of a key counts. */
export function lastOfEachKey(tags: readonly Tag[]): Tag[] {
  return [...new Map(tags.map((tag) => [tag.key, tag])).values()]
}

export function groupBy<Row, Value>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  valueOf: (row: Row) => Value,
): Map<string, Value[]> {
  const groups = new Map<string, Value[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group) group.push(valueOf(row))
    else groups.set(keyOf(row), [valueOf(row)])
  }
  return groups
}
