import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isIn } from '../ports/db/dialect.ts'
import type { Metric, Param, Tag } from './schema.ts'
import { groupBy } from './store.ts'
import type { RunMetricRow } from './tables.ts'

/** The run that values belong to; its experiment is repeated beside them for the indexes. */
export interface Owner {
  runId: string
  projectId: string
  experimentId: string
}

const IDS_AT_ONCE = 500

/** Inserts params that are new, and returns those that are there already with another value. */
export async function insertParams(
  trx: Trx,
  owner: Owner,
  params: readonly Param[],
): Promise<{ key: string; oldValue: string; newValue: string }[]> {
  if (params.length === 0) return []
  await trx
    .insertInto('run_param')
    .values(params.map((param) => valueRow(owner, param)))
    .onConflict((conflict) => conflict.columns(['run_id', 'key']).doNothing())
    .execute()
  const stored = await trx
    .selectFrom('run_param')
    .select(['key', 'value'])
    .where('run_id', '=', owner.runId)
    .where(
      'key',
      'in',
      params.map(({ key }) => key),
    )
    .execute()
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

/** Points in the order (timestamp, step, value), after the given one. */
export async function listMetricHistory(
  at: Queryable,
  input: { runId: string; key: string; limit: number; after?: readonly (string | number)[] | undefined },
): Promise<Metric[]> {
  const { runId, key, limit, after } = input
  const rows = await at
    .selectFrom('run_metric')
    .select(['timestamp_ms', 'step', 'value', 'is_nan'])
    .where('run_id', '=', runId)
    .where('key', '=', key)
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(timestamp_ms, step, value, is_nan) > (${sql.join(after ?? [])})`),
    )
    .orderBy('timestamp_ms')
    .orderBy('step')
    .orderBy('value')
    .orderBy('is_nan')
    .limit(limit)
    .execute()
  return rows.map((row) => toMetric({ ...row, key }))
}

export async function countMetricPoints(at: Queryable, runId: string, key: string) {
  return await at
    .selectFrom('run_metric')
    .select((eb) => [
      eb.fn.countAll<number>().as('points'),
      eb.fn.min<number>('step').as('first_step'),
      eb.fn.max<number>('step').as('last_step'),
      eb.fn.min<number>('timestamp_ms').as('first_ms'),
      eb.fn.max<number>('timestamp_ms').as('last_ms'),
    ])
    .where('run_id', '=', runId)
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
}

/** The lowest and the highest point of each of `buckets` equal parts of the axis. */
export async function listThinnedHistory(
  at: Queryable,
  input: {
    runId: string
    key: string
    axis: 'step' | 'timestamp_ms'
    first: number
    last: number
    buckets: number
  },
): Promise<Metric[]> {
  const { runId, key, axis, first, last, buckets } = input
  const width = (last - first + 1) / buckets
  const bucket = sql`cast((${sql.ref(axis)} - ${first}) / ${sql.lit(width)} as integer)`
  const { rows } = await sql<{ timestamp_ms: number; step: number; value: number; is_nan: number }>`
    select timestamp_ms, step, value, is_nan from (
      select timestamp_ms, step, value, is_nan,
        row_number() over (partition by ${bucket}, is_nan order by value, step, timestamp_ms) as low,
        row_number() over (partition by ${bucket}, is_nan order by value desc, step, timestamp_ms) as high
      from run_metric where run_id = ${runId} and key = ${key}) points
    where low = 1 or high = 1 order by ${sql.ref(axis)}, step, timestamp_ms`.execute(at)
  return rows.map((row) => toMetric({ ...row, key }))
}

/** Points of several runs at the given steps' range, for charts that compare runs. */
export async function listMetricSteps(
  at: Queryable,
  input: {
    runIds: readonly string[]
    key: string
    startStep?: number | undefined
    endStep?: number | undefined
  },
): Promise<number[]> {
  const { runIds, key, startStep, endStep } = input
  const rows = await at
    .selectFrom('run_metric')
    .select('step')
    .distinct()
    .where('run_id', 'in', runIds)
    .where('key', '=', key)
    .$if(startStep !== undefined, (query) => query.where('step', '>=', startStep!))
    .$if(endStep !== undefined, (query) => query.where('step', '<=', endStep!))
    .orderBy('step')
    .execute()
  return rows.map((row) => row.step)
}

export async function listMetricsAtSteps(
  at: Queryable,
  { runId, key, steps, limit }: { runId: string; key: string; steps: readonly number[]; limit: number },
): Promise<Metric[]> {
  if (steps.length === 0) return []
  const rows = await at
    .selectFrom('run_metric')
    .select(['timestamp_ms', 'step', 'value', 'is_nan'])
    .where('run_id', '=', runId)
    .where('key', '=', key)
    .where('step', 'in', steps)
    .orderBy('step')
    .orderBy('timestamp_ms')
    .orderBy('value')
    .limit(limit)
    .execute()
  return rows.map((row) => toMetric({ ...row, key }))
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

export async function inPieces<Row>(
  ids: readonly string[],
  read: (piece: readonly string[]) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (let start = 0; start < ids.length; start += IDS_AT_ONCE)
    for (const row of await read(ids.slice(start, start + IDS_AT_ONCE))) rows.push(row)
  return rows
}
