import { sql, type Updateable } from 'kysely'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { wallTimeSql, type DialectName } from '../ports/db/dialect.ts'
import { filterSql, orderSql, searchPage, type Page, type Search, type Searchable } from '../search/search.ts'
import type { Experiment, Run, Tag } from './schema.ts'
import type { ExperimentRow, Lifecycle, RunRow } from './tables.ts'

export interface TrackingSearch extends Search {
  lifecycle: Lifecycle | 'all'
}

export function lifecycleSql(alias: string, lifecycle: Lifecycle | 'all') {
  return lifecycle === 'all' ? sql`` : sql` and ${sql.ref(`${alias}.lifecycle`)} = ${lifecycle}`
}

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
  search: TrackingSearch,
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

export type NewRunRow = Omit<RunRow, 'announced_ms'>

/** Inserts a run that is announced at this moment. */
export async function insertRun(trx: Trx, row: NewRunRow): Promise<void> {
  await trx
    .insertInto('run')
    .values({ ...row, announced_ms: wallTimeSql(trx) })
    .execute()
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

/** Nothing to change is no statement. */
export async function updateRunRow(trx: Trx, id: string, change: Updateable<RunRow>): Promise<void> {
  if (Object.keys(change).length === 0) return
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

export function toRun(row: NewRunRow): Run {
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

/** How many runs a project has, as far as `most`: no more of them are looked at. */
export async function countRunsUpTo(at: Queryable, projectId: string, most: number): Promise<number> {
  const rows = await at
    .selectFrom('run')
    .select('id')
    .where('project_id', '=', projectId)
    .where('lifecycle', '=', 'active')
    .limit(most)
    .execute()
  return rows.length
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
