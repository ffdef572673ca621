import { inPieces } from '../ports/db/pieces.ts'
import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isIn } from '../ports/db/dialect.ts'
import { together } from '../ports/db/together.ts'
import type { Metric, Param, Tag } from './schema.ts'
import { groupBy } from './store.ts'
import type { RunMetricRow } from './tables.ts'

/** The run that values belong to; its experiment is repeated beside them for the indexes. */
export interface Owner {
  runId: string
  projectId: string
  experimentId: string
}

/** Inserts params that are new, and returns those that are there already with another value. */
export async function insertParams(
  trx: Trx,
  owner: Owner,
  params: readonly Param[],
): Promise<{ key: string; oldValue: string; newValue: string }[]> {
  if (params.length === 0) return []
  const keys = params.map(({ key }) => key)
  const [, stored] = await together(
    trx
      .insertInto('run_param')
      .values(params.map((param) => valueRow(owner, param)))
      .onConflict((conflict) => conflict.columns(['run_id', 'key']).doNothing())
      .execute(),
    trx
      .selectFrom('run_param')
      .select(['key', 'value'])
      .where('run_id', '=', owner.runId)
      .where('key', 'in', keys)
      .execute(),
  )
  const wanted = new Map(params.map(({ key, value }) => [key, value]))
  return stored
    .filter(({ key, value }) => wanted.get(key) !== value)
    .map(({ key, value }) => ({ key, oldValue: value, newValue: wanted.get(key)! }))
}

export async function upsertTags(trx: Trx, owner: Owner, tags: readonly Tag[]): Promise<void> {
  if (tags.length === 0) return
  await trx
    .insertInto('run_tag')
    .values(tags.map((tag) => valueRow(owner, tag)))
    .onConflict((conflict) =>
      conflict.columns(['run_id', 'key']).doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })),
    )
    .execute()
}

export async function findTag(at: Queryable, runId: string, key: string): Promise<string | undefined> {
  const row = await at
    .selectFrom('run_tag')
    .select('value')
    .where('run_id', '=', runId)
    .where('key', '=', key)
    .executeTakeFirst()
  return row?.value
}

export async function deleteTag(trx: Trx, runId: string, key: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('run_tag')
    .where('run_id', '=', runId)
    .where('key', '=', key)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

function valueRow(owner: Owner, { key, value }: Tag) {
  return { run_id: owner.runId, key, project_id: owner.projectId, experiment_id: owner.experimentId, value }
}

export function toMetric(
  row: Pick<RunMetricRow, 'key' | 'timestamp_ms' | 'step' | 'value' | 'is_nan'>,
): Metric {
  return {
    key: row.key,
    value: row.is_nan === 1 ? Number.NaN : row.value,
    timestampMs: row.timestamp_ms,
    step: row.step,
  }
}

export async function listLatestMetrics(
  at: Queryable,
  runIds: readonly string[],
): Promise<Map<string, Metric[]>> {
  const rows = await inPieces(runIds, (ids) =>
    at
      .selectFrom('run_metric_latest')
      .select(['run_id', 'key', 'timestamp_ms', 'step', 'value', 'is_nan'])
      .where(isIn(at, sql.ref('run_id'), ids))
      .execute(),
  )
  return groupBy(rows, (row) => row.run_id, toMetric)
}

export async function listValues(
  at: Queryable,
  table: 'run_param' | 'run_tag',
  runIds: readonly string[],
): Promise<Map<string, Tag[]>> {
  const rows = await inPieces(runIds, (ids) =>
    at
      .selectFrom(table)
      .select(['run_id', 'key', 'value'])
      .where(isIn(at, sql.ref('run_id'), ids))
      .execute(),
  )
  return groupBy(
    rows,
    (row) => row.run_id,
    ({ key, value }) => ({ key, value }),
  )
}
