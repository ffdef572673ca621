import { CompiledQuery } from 'kysely'
import type { Trx } from '../ports/db/db.ts'
import { dialectOf } from '../ports/db/dialect.ts'
import type { Metric } from './schema.ts'
import type { Owner } from './store-values.ts'

/**
 * Adds points to the histories and moves the latest values. A point that is there already is dropped. Written as text that is the same for
 * every call: building and preparing a thousand rows costs more than inserting them.
 */
export async function insertMetrics(trx: Trx, owner: Owner, metrics: readonly Metric[]): Promise<void> {
  if (metrics.length === 0) return
  // In one order everywhere, so that two batches for a run wait for each other instead of for ever.
  const latest = latestOf(metrics).sort((a, b) => (a.key < b.key ? -1 : 1))
  const owned = [owner.runId, owner.projectId, owner.experimentId]
  if (dialectOf(trx) === 'postgres') {
    const parameters = [...owned, ...columnsOf(metrics), ...columnsOf(latest)]
    await trx.executeQuery(CompiledQuery.raw(POSTGRES_INSERT, parameters))
    return
  }
  for (const [rows, text] of inRounds(metrics, SQLITE_POINTS))
    await trx.executeQuery(CompiledQuery.raw(text, [...owned, ...rows.flatMap(valuesOf)]))
  for (const [rows, text] of inRounds(latest, SQLITE_LATEST))
    await trx.executeQuery(CompiledQuery.raw(text, [...owned, ...rows.flatMap(valuesOf)]))
}

/** What a later point does to the latest one: the order is MLflow's, as in `latestOf`. */
export const MOVE_LATEST = `on conflict (run_id, key) do update
  set step = excluded.step, timestamp_ms = excluded.timestamp_ms, value = excluded.value, is_nan = excluded.is_nan
  where (excluded.step, excluded.timestamp_ms, excluded.value)
    > (run_metric_latest.step, run_metric_latest.timestamp_ms, run_metric_latest.value)`

const unnest = (first: number): string =>
  `unnest($${first}::text[], $${first + 1}::bigint[], $${first + 2}::bigint[], $${first + 3}::float8[], $${first + 4}::int[])
    as p (key, timestamp_ms, step, value, is_nan)`

const POSTGRES_INSERT = `with points as (
    insert into run_metric (run_id, project_id, key, timestamp_ms, step, value, is_nan)
    select $1, $2, p.* from ${unnest(4)} on conflict do nothing)
  insert into run_metric_latest (run_id, project_id, experiment_id, key, timestamp_ms, step, value, is_nan)
  select $1, $2, $3, p.* from ${unnest(9)} ${MOVE_LATEST}`

/** Rows go in rounds of these sizes, so that few statements have to be kept prepared. */
const ROUNDS = [100, 10, 1]
const SQLITE_POINTS = ROUNDS.map((rows) =>
  sqliteInsert(
    'run_metric (run_id, project_id, key, timestamp_ms, step, value, is_nan) select o.run_id, o.project_id',
    rows,
    'on conflict do nothing',
  ),
)
const SQLITE_LATEST = ROUNDS.map((rows) =>
  sqliteInsert(
    `run_metric_latest (run_id, project_id, experiment_id, key, timestamp_ms, step, value, is_nan)
      select o.run_id, o.project_id, o.experiment_id`,
    rows,
    MOVE_LATEST,
  ),
)

function sqliteInsert(into: string, rows: number, conflict: string): string {
  const values = Array.from({ length: rows }, () => '(?,?,?,?,?)').join(',')
  return `insert into ${into}, p.* from (select ? as run_id, ? as project_id, ? as experiment_id) o,
    (values ${values}) p where true ${conflict}`
}

function* inRounds<Row>(rows: readonly Row[], texts: readonly string[]): Generator<[Row[], string]> {
  let start = 0
  for (const [index, size] of ROUNDS.entries()) {
    for (; rows.length - start >= size; start += size) yield [rows.slice(start, start + size), texts[index]!]
  }
}

function valuesOf({ key, value, timestampMs, step }: Metric) {
  return [key, timestampMs, step, ...storedValue(value)]
}

/** The same values, one array for each column. */
function columnsOf(metrics: readonly Metric[]): unknown[][] {
  const rows = metrics.map(valuesOf)
  return [0, 1, 2, 3, 4].map((column) => rows.map((row) => row[column]))
}

/** NaN has no order in SQL: it is value 0 with a mark. */
export function storedValue(value: number): [value: number, isNan: number] {
  return Number.isNaN(value) ? [0, 1] : [value, 0]
}

/** The greatest (step, timestamp, value) of each key, as MLflow defines the latest metric; not the last one written. */
export function latestOf(metrics: readonly Metric[]): Metric[] {
  const latest = new Map<string, Metric>()
  for (const metric of metrics) {
    const known = latest.get(metric.key)
    if (!known || isLater(metric, known)) latest.set(metric.key, metric)
  }
  return [...latest.values()]
}

function isLater(a: Metric, b: Metric): boolean {
  if (a.step !== b.step) return a.step > b.step
  if (a.timestampMs !== b.timestampMs) return a.timestampMs > b.timestampMs
  return storedValue(a.value)[0] > storedValue(b.value)[0]
}
