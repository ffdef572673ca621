import { sql } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import type { Metric } from './schema.ts'
import { toMetric } from './store-values.ts'

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

export interface StepRange {
  startStep?: number | undefined
  endStep?: number | undefined
}

export async function listMetricSteps(
  at: Queryable,
  { runId, key, startStep, endStep }: StepRange & { runId: string; key: string },
): Promise<number[]> {
  const rows = await at
    .selectFrom('run_metric')
    .select('step')
    .distinct()
    .where('run_id', '=', runId)
    .where('key', '=', key)
    .$if(startStep !== undefined, (query) => query.where('step', '>=', startStep!))
    .$if(endStep !== undefined, (query) => query.where('step', '<=', endStep!))
    .execute()
  return rows.map((row) => row.step)
}

/** Looks at no more points than it has to. */
export async function hasMorePoints(
  at: Queryable,
  { runId, key, than }: { runId: string; key: string; than: number },
): Promise<boolean> {
  const { rows } = await sql<{ points: number }>`select count(*) as points from (
    select 1 from run_metric where run_id = ${runId} and key = ${key} limit ${than + 1}) as looked_at`.execute(
    at,
  )
  return rows[0]!.points > than
}

/** What the index `run_metric_sparse` holds, word for word: else a database does not see that it may use it. */
const SPARSE = sql<boolean>`step % 64 = 0`

/**
 * Between `limit` and twice as many steps that are multiples of 64, where there are so many, evenly along the axis: jumps from one to the next over the index of such steps, which cost
 * the same however long the history is.
 */
export async function listSparseSteps(
  at: Queryable,
  input: StepRange & { runId: string; key: string; limit: number },
): Promise<number[]> {
  const { runId, key, startStep = Number.MIN_SAFE_INTEGER, endStep = Number.MAX_SAFE_INTEGER } = input
  const sparse = sql`run_metric where run_id = ${runId} and key = ${key} and ${SPARSE}`
  const { rows: ends } = await sql<{ first: number | null; last: number | null }>`select
    (select min(step) from ${sparse} and step >= ${startStep}) as first,
    (select max(step) from ${sparse} and step <= ${endStep}) as last`.execute(at)
  const { first, last } = ends[0]!
  if (first === null || last === null || last < first) return []
  const stride = 64 * Math.max(1, Math.floor((last - first) / Math.max(1, input.limit - 1) / 64))
  const { rows } = await sql<{ step: number }>`with recursive jump (step) as (
      select cast(${first} as bigint)
      union all
      select (select min(step) from ${sparse} and step >= jump.step + ${stride}) from jump where jump.step < ${last})
    select step from jump where step <= ${last}`.execute(at)
  return rows.map((row) => row.step)
}

/** Points at some steps; `sparse` when all of them are multiples of 64. */
export async function listMetricsAtSteps(
  at: Queryable,
  input: { runId: string; key: string; steps: readonly number[]; limit: number; sparse: boolean },
): Promise<Metric[]> {
  const { runId, key, steps, limit, sparse } = input
  if (steps.length === 0) return []
  const rows = await at
    .selectFrom('run_metric')
    .select(['timestamp_ms', 'step', 'value', 'is_nan'])
    .where('run_id', '=', runId)
    .where('key', '=', key)
    .where('step', 'in', steps)
    .$if(sparse, (query) => query.where(SPARSE))
    .orderBy('step')
    .orderBy('timestamp_ms')
    .orderBy('value')
    .limit(limit)
    .execute()
  return rows.map((row) => toMetric({ ...row, key }))
}
