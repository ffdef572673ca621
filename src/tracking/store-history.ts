import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import type { Metric } from './schema.ts'
import { dialectOf } from '../ports/db/dialect.ts'
import { toMetric } from './store-values.ts'
import type { RunMetricRow } from './tables.ts'

export type HistoryRow = Pick<RunMetricRow, 'timestamp_ms' | 'step' | 'value' | 'is_nan'>

/** The history of a metric, or its points at some steps, both ends included. */
export interface History {
  runId: string
  key: string
  startStep?: number | undefined
  endStep?: number | undefined
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

export async function countMetricPoints(at: Queryable, history: History) {
  return await at
    .selectFrom('run_metric')
    .select((eb) => [
      eb.fn.countAll<number>().as('points'),
      eb.fn.min<number>('step').as('first_step'),
      eb.fn.max<number>('step').as('last_step'),
      eb.fn.min<number>('timestamp_ms').as('first_ms'),
      eb.fn.max<number>('timestamp_ms').as('last_ms'),
    ])
    .where(isOf(history))
    .executeTakeFirstOrThrow()
}

/**
 * Every point in the order (timestamp, step, value), in pieces: one is read while another is used, and others have their turn between two. About half a
 * second for a million points.
 */
export async function* scanMetricHistory(at: Queryable, history: History): AsyncGenerator<HistoryRow[]> {
  const { size, read } = dialectOf(at) === 'sqlite' ? PLAIN : PACKED
  let coming = read(at, history, undefined)
  for (;;) {
    const rows = await coming
    yield rows
    if (rows.length < size) return
    coming = read(at, history, rows.at(-1))
    // Whoever stops early does not wait for it.
    coming.catch(() => undefined)
    await setImmediate()
  }
}

/** The points at these places, counted from 0, in the order (step, timestamp, value). */
export async function listMetricsAtPlaces(
  at: Queryable,
  { places, ...history }: History & { places: readonly number[] },
): Promise<Metric[]> {
  if (places.length === 0) return []
  const { rows } = await sql<HistoryRow>`select timestamp_ms, step, value, is_nan from (
      select timestamp_ms, step, value, is_nan,
        row_number() over (order by step, timestamp_ms, value, is_nan) - 1 as place
      from run_metric where ${isOf(history)}) as placed
    where place in (${sql.join(places)}) order by place`.execute(at)
  return rows.map((row) => toMetric({ ...row, key: history.key }))
}

/** Looks at no more points than it has to. */
export async function hasMorePoints(
  at: Queryable,
  { than, ...history }: History & { than: number },
): Promise<boolean> {
  const { rows } = await sql<{ points: number }>`select count(*) as points from (
    select 1 from run_metric where ${isOf(history)} limit ${than + 1}) as looked_at`.execute(at)
  return rows[0]!.points > than
}

/** What the index `run_metric_sparse` holds, word for word: else a database does not see that it may use it. */
const SPARSE = sql<boolean>`step % 64 = 0`

/**
 * Between `limit` and twice as many steps that are multiples of 64, where there are so many, evenly along the axis: jumps from one to the next over
 * the index of such steps, which cost the same however long the history is.
 */
export async function listSparseSteps(at: Queryable, input: History & { limit: number }): Promise<number[]> {
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

/** Points at some steps that are multiples of 64, the first of each. */
export async function listSparseMetrics(
  at: Queryable,
  { runId, key, steps }: { runId: string; key: string; steps: readonly number[] },
): Promise<Metric[]> {
  if (steps.length === 0) return []
  const { rows } = await sql<HistoryRow>`select timestamp_ms, step, value, is_nan from (
      select timestamp_ms, step, value, is_nan,
        row_number() over (partition by step order by timestamp_ms, value, is_nan) as place
      from run_metric where run_id = ${runId} and key = ${key} and step in (${sql.join(steps)}) and ${SPARSE}) as placed
    where place = 1 order by step`.execute(at)
  return rows.map((row) => toMetric({ ...row, key }))
}

function isOf({ runId, key, startStep, endStep }: History) {
  const from = startStep === undefined ? sql`` : sql` and step >= ${startStep}`
  const to = endStep === undefined ? sql`` : sql` and step <= ${endStep}`
  return sql<boolean>`run_id = ${runId} and key = ${key}${from}${to}`
}

function piece(history: History, after: HistoryRow | undefined, size: number) {
  const later = after
    ? sql` and (timestamp_ms, step, value, is_nan) > (${after.timestamp_ms}, ${after.step}, ${after.value}, ${after.is_nan})`
    : sql``
  return sql<HistoryRow>`select timestamp_ms, step, value, is_nan from run_metric where ${isOf(history)}${later}
    order by timestamp_ms, step, value, is_nan limit ${sql.lit(size)}`
}

interface Reading {
  /** Rows of a piece. */
  size: number
  read: (at: Queryable, history: History, after: HistoryRow | undefined) => Promise<HistoryRow[]>
}

const PLAIN: Reading = {
  size: 4_000,
  read: async (at, history, after) => (await piece(history, after, PLAIN.size).execute(at)).rows,
}

const PACKED_BYTES = 25

/** A row of PostgreSQL's protocol costs much more than its numbers: a piece comes as one value. */
const PACKED: Reading = {
  size: 20_000,
  read: async (at, history, after) => {
    const { rows } = await sql<{ packed: Buffer | null }>`select string_agg(
        int8send(timestamp_ms) || int8send(step) || float8send(value) || set_byte('\\x00'::bytea, 0, is_nan), '') as packed
      from (${piece(history, after, PACKED.size)}) as piece`.execute(at)
    const packed = rows[0]?.packed ?? Buffer.alloc(0)
    return Array.from({ length: packed.length / PACKED_BYTES }, (_, index) => {
      const at = index * PACKED_BYTES
      return {
        timestamp_ms: readInteger(packed, at),
        step: readInteger(packed, at + 8),
        value: packed.readDoubleBE(at + 16),
        is_nan: packed[at + 24]!,
      }
    })
  },
}

function readInteger(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}
