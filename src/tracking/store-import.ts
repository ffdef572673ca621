import { CompiledQuery, sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DialectName } from '../ports/db/dialect.ts'
import { MOVE_LATEST } from './store-metrics.ts'
import type { RunMetricRow } from './tables.ts'

/** Few sizes of statements, so that each is compiled once. */
const SIZES = [256, 64, 16, 4, 1] as const

/** A table to fill, with what happens when a row is there already. Written as text: building rows node by node costs more than inserting them. */
export interface Filling {
  table: string
  columns: readonly string[]
  onConflict: string
}

export async function insertRows(
  trx: Trx,
  dialect: DialectName,
  { table, columns, onConflict }: Filling,
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  let start = 0
  for (const size of SIZES) {
    for (; rows.length - start >= size; start += size) {
      const values = placeholders(dialect, size, columns.length)
      const text = `insert into ${table} (${columns.join(', ')}) values ${values} ${onConflict}`
      await trx.executeQuery(CompiledQuery.raw(text, rows.slice(start, start + size).flat()))
    }
  }
}

function placeholders(dialect: DialectName, rows: number, columns: number): string {
  const name = (index: number): string => (dialect === 'postgres' ? `$${index + 1}` : '?')
  const row = (at: number): string =>
    `(${Array.from({ length: columns }, (_, column) => name(at * columns + column)).join(',')})`
  return Array.from({ length: rows }, (_, at) => row(at)).join(',')
}

export const FILLINGS = {
  runs: {
    table: 'run',
    columns: [
      'id',
      'project_id',
      'experiment_id',
      'name',
      'user_id',
      'status',
      'start_ms',
      'end_ms',
      'artifact_uri',
      'parent_run_id',
      'lifecycle',
      'deleted_ms',
      'created_ms',
      'announced_ms',
    ],
    onConflict: `on conflict (id) do update set name = excluded.name, user_id = excluded.user_id, status = excluded.status,
      end_ms = excluded.end_ms, parent_run_id = excluded.parent_run_id, lifecycle = excluded.lifecycle,
      deleted_ms = excluded.deleted_ms`,
  },
  params: {
    table: 'run_param',
    columns: ['run_id', 'key', 'project_id', 'experiment_id', 'value'],
    onConflict: 'on conflict do nothing',
  },
  tags: {
    table: 'run_tag',
    columns: ['run_id', 'key', 'project_id', 'experiment_id', 'value'],
    onConflict: 'on conflict (run_id, key) do update set value = excluded.value',
  },
  words: {
    table: 'run_word',
    columns: ['run_id', 'key', 'word', 'project_id'],
    onConflict: 'on conflict do nothing',
  },
  metrics: {
    table: 'run_metric',
    columns: ['run_id', 'key', 'timestamp_ms', 'step', 'value', 'is_nan', 'project_id'],
    onConflict: 'on conflict do nothing',
  },
  latest: {
    table: 'run_metric_latest',
    columns: ['run_id', 'key', 'project_id', 'experiment_id', 'step', 'timestamp_ms', 'value', 'is_nan'],
    onConflict: MOVE_LATEST,
  },
} as const satisfies Record<string, Filling>

export async function experimentExists(at: Queryable, id: string): Promise<boolean> {
  return (
    (await at.selectFrom('experiment').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
  )
}

/** The project that has a logged model. */
export async function findLoggedModelProject(at: Queryable, id: string): Promise<string | undefined> {
  const row = await at.selectFrom('logged_model').select('project_id').where('id', '=', id).executeTakeFirst()
  return row?.project_id
}

/** Ids that are given out from now on are greater. */
export async function raiseExperimentCounter(trx: Trx, value: number): Promise<void> {
  await trx
    .updateTable('experiment_counter')
    .set({ value })
    .where('id', '=', 'experiment')
    .where('value', '<', value)
    .execute()
}

export type PointRow = Pick<RunMetricRow, 'run_id' | 'key' | 'timestamp_ms' | 'step' | 'value' | 'is_nan'>

/** All points of some runs in the order of the primary key, after the given one. */
export async function listPoints(
  at: Queryable,
  { runIds, after, limit }: { runIds: readonly string[]; after: PointRow | undefined; limit: number },
): Promise<PointRow[]> {
  return await at
    .selectFrom('run_metric')
    .select(['run_id', 'key', 'timestamp_ms', 'step', 'value', 'is_nan'])
    .where('run_id', 'in', runIds)
    .$if(after !== undefined, (query) => {
      const { run_id, key, timestamp_ms, step, value, is_nan } = after!
      const last = [run_id, key, timestamp_ms, step, value, is_nan]
      return query.where(sql<boolean>`(run_id, key, timestamp_ms, step, value, is_nan) > (${sql.join(last)})`)
    })
    .orderBy('run_id')
    .orderBy('key')
    .orderBy('timestamp_ms')
    .orderBy('step')
    .orderBy('value')
    .orderBy('is_nan')
    .limit(limit)
    .execute()
}
