import { sql } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import type { DialectName } from '../ports/db/dialect.ts'
import { inPieces } from '../ports/db/pieces.ts'
import { type Filter, filterSql } from '../search/search.ts'
import { type Lifecycle, lifecycleSql, runSearchable, toMetric } from '../tracking/tracking.ts'
import type { Metric } from '../tracking/schema.ts'
import type { KeyCount } from './schema.ts'

export type ValueTable = 'run_metric_latest' | 'run_param' | 'run_tag'

/** The keys of these experiments that contain a text, those of most runs first. */
export async function listKeys(
  at: Queryable,
  dialect: DialectName,
  input: { table: ValueTable; experimentIds: readonly string[]; containing: string; limit: number },
): Promise<KeyCount[]> {
  const { table, experimentIds, containing, limit } = input
  if (experimentIds.length === 0) return []
  const position =
    dialect === 'sqlite' ? sql`instr(lower(key), ${containing})` : sql`strpos(lower(key), ${containing})`
  const matches = containing === '' ? sql`` : sql` and ${position} > 0`
  const { rows } = await sql<KeyCount>`
    select key, count(*) as runs from ${sql.table(table)}
    where experiment_id in (${sql.join(experimentIds)})${matches}
    group by key order by runs desc, key limit ${limit}`.execute(at)
  return rows
}

/** The keys that these runs have: how many of them, and with how many different values. */
export async function summarizeKeys(
  at: Queryable,
  { table, runIds, limit }: { table: ValueTable; runIds: readonly string[]; limit: number },
): Promise<(KeyCount & { values: number })[]> {
  if (runIds.length === 0) return []
  const { rows } = await sql<KeyCount & { values: number }>`
    select key, count(*) as runs, count(distinct value) as "values" from ${sql.table(table)}
    where run_id in (${sql.join(runIds)}) group by key order by runs desc, key limit ${limit}`.execute(at)
  return rows
}

/** The chosen params or tags of these runs. */
export async function listChosenValues(
  at: Queryable,
  table: 'run_param' | 'run_tag',
  runIds: readonly string[],
  keys: readonly string[],
): Promise<{ run_id: string; key: string; value: string }[]> {
  if (keys.length === 0) return []
  return await inPieces(runIds, (ids) =>
    at
      .selectFrom(table)
      .select(['run_id', 'key', 'value'])
      .where('run_id', 'in', ids)
      .where('key', 'in', keys)
      .execute(),
  )
}

/** The chosen latest metrics of these runs. */
export async function listChosenMetrics(
  at: Queryable,
  runIds: readonly string[],
  keys: readonly string[],
): Promise<(Metric & { runId: string })[]> {
  if (keys.length === 0) return []
  const rows = await inPieces(runIds, (ids) =>
    at
      .selectFrom('run_metric_latest')
      .select(['run_id', 'key', 'timestamp_ms', 'step', 'value', 'is_nan'])
      .where('run_id', 'in', ids)
      .where('key', 'in', keys)
      .execute(),
  )
  return rows.map((row) => ({ ...toMetric(row), runId: row.run_id }))
}

export async function countRuns(
  at: Queryable,
  dialect: DialectName,
  search: {
    projectId: string
    experimentIds: readonly string[]
    filter: Filter
    lifecycle: Lifecycle | 'all'
  },
): Promise<number> {
  const { projectId, experimentIds, filter, lifecycle } = search
  if (experimentIds.length === 0) return 0
  const { rows } = await sql<{ runs: number }>`
    select count(*) as runs from run r where r.project_id = ${projectId}
      and r.experiment_id in (${sql.join(experimentIds)})${lifecycleSql('r', lifecycle)}
      and ${filterSql(dialect, runSearchable(experimentIds), filter)}`.execute(at)
  return rows[0]?.runs ?? 0
}

/** How many runs each of these has directly below it. */
export async function countChildren(
  at: Queryable,
  {
    projectId,
    runIds,
    lifecycle,
  }: { projectId: string; runIds: readonly string[]; lifecycle: Lifecycle | 'all' },
): Promise<Map<string, number>> {
  const rows = await inPieces(runIds, (ids) =>
    at
      .selectFrom('run')
      .select((eb) => ['parent_run_id', eb.fn.countAll<number>().as('children')])
      .where('project_id', '=', projectId)
      .where('parent_run_id', 'in', ids)
      .$if(lifecycle !== 'all', (query) => query.where('lifecycle', '=', lifecycle as Lifecycle))
      .groupBy('parent_run_id')
      .execute(),
  )
  return new Map(rows.map((row) => [row.parent_run_id ?? '', row.children]))
}

/** Every experiment of a project, the newest first. */
export async function listExperimentIds(
  at: Queryable,
  projectId: string,
  lifecycle: Lifecycle | 'all',
  limit: number,
): Promise<string[]> {
  const rows = await at
    .selectFrom('experiment')
    .select('id')
    .where('project_id', '=', projectId)
    .$if(lifecycle === 'active', (query) => query.where('lifecycle', '=', 'active'))
    .orderBy('created_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => row.id)
}

/** Those of the ids that are experiments of the project. */
export async function keepExperimentIds(
  at: Queryable,
  projectId: string,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await at
    .selectFrom('experiment')
    .select('id')
    .where('project_id', '=', projectId)
    .where('id', 'in', ids)
    .execute()
  return rows.map(({ id }) => id)
}

/** How many runs each experiment has, and when the newest of them started. */
export async function countRunsOfExperiments(
  at: Queryable,
  experimentIds: readonly string[],
  lifecycle: Lifecycle,
): Promise<Map<string, { runs: number; lastRunMs: number }>> {
  const rows = await inPieces(experimentIds, (ids) =>
    at
      .selectFrom('run')
      .select((eb) => [
        'experiment_id',
        eb.fn.countAll<number>().as('runs'),
        eb.fn.max<number>('start_ms').as('last_run_ms'),
      ])
      .where('experiment_id', 'in', ids)
      .where('lifecycle', '=', lifecycle)
      .groupBy('experiment_id')
      .execute(),
  )
  return new Map(rows.map((row) => [row.experiment_id, { runs: row.runs, lastRunMs: row.last_run_ms }]))
}
