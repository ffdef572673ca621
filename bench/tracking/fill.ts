import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Client } from 'pg'
import { mlflowFile, type ServerName, type Store } from './servers.ts'

const METRICS = ['auc', 'loss', 'f1', 'recall', 'brier'] as const
const PARAMS = ['depth', 'rate', 'trees', 'seed', 'data'] as const
const RUNS_AT_ONCE = 1000
const POINTS_AT_ONCE = 20_000
const FIRST_MS = 1_700_000_000_000

/** The runs whose metric `curve` has a history: a long one, and one of a page. */
export const LONG_RUN = runIdOf(0)
export const PAGE_RUN = runIdOf(1)
export const PAGE_POINTS = 25_000

type Row = Record<string, string | number | null>
type Insert = (table: string, rows: readonly Row[]) => Promise<void>

/**
 * The same runs for both servers, written straight into their tables, since MLflow's API would take hours: each with five metrics, five
 * params and three tags; and two histories. The server must have made its tables, and must not run.
 */
export async function fill(
  server: ServerName,
  store: Store,
  { runs, points }: { runs: number; points: number },
): Promise<void> {
  const file = server === 'tidemill' ? join(store.folder, 'metadata.db') : mlflowFile(store.folder)
  const work = async (insert: Insert): Promise<void> => {
    const tables = server === 'tidemill' ? TIDEMILL : MLFLOW
    for (let first = 0; first < runs; first += RUNS_AT_ONCE) {
      const indexes = Array.from({ length: Math.min(RUNS_AT_ONCE, runs - first) }, (_, i) => first + i)
      for (const [table, rowsOf] of Object.entries(tables.runs)) await insert(table, indexes.flatMap(rowsOf))
    }
    for (const [runId, count] of [[LONG_RUN, points] as const, [PAGE_RUN, PAGE_POINTS] as const]) {
      for (let first = 0; first < count; first += POINTS_AT_ONCE) {
        const steps = Array.from({ length: Math.min(POINTS_AT_ONCE, count - first) }, (_, i) => first + i)
        await insert(
          tables.history,
          steps.map((step) => tables.point(runId, step)),
        )
      }
    }
  }
  await (store.postgresUrl === undefined ? fillSqlite(file, work) : fillPostgres(store.postgresUrl, work))
}

async function fillSqlite(file: string, work: (insert: Insert) => Promise<void>): Promise<void> {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA synchronous = OFF')
  await work(async (table, rows) => {
    const columns = Object.keys(rows[0]!)
    const marks = columns.map(() => '?').join(', ')
    const names = columns.map((name) => `"${name}"`).join(', ')
    const statement = database.prepare(`INSERT INTO ${table} (${names}) VALUES (${marks})`)
    database.exec('BEGIN')
    for (const row of rows) statement.run(...(Object.values(row) as SQLInputValue[]))
    database.exec('COMMIT')
  })
  // What is still on its way to the disk would slow down the first parts that are measured.
  database.exec('ANALYZE; PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)')
  database.close()
  const filled = openSync(file, 'r')
  fsyncSync(filled)
  closeSync(filled)
}

async function fillPostgres(url: string, work: (insert: Insert) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await work(async (table, rows) => {
    const names = Object.keys(rows[0]!)
      .map((name) => `"${name}"`)
      .join(', ')
    await client.query(
      `INSERT INTO ${table} (${names}) SELECT ${names} FROM json_populate_recordset(NULL::${table}, $1)`,
      [JSON.stringify(rows)],
    )
  })
  await client.query('VACUUM ANALYZE')
  await client.query('CHECKPOINT')
  await client.end()
}

/** Rows of a run by its index for each table, and one point of a history. */
interface Layout {
  runs: Record<string, (index: number) => Row[]>
  history: string
  point: (runId: string, step: number) => Row
}

const TIDEMILL: Layout = {
  runs: {
    run: (index) => [
      {
        ...ownerOf(index),
        id: runIdOf(index),
        name: `run-${index}`,
        user_id: 'bench',
        status: 'FINISHED',
        start_ms: startOf(index),
        end_ms: startOf(index) + 60_000,
        artifact_uri: `mlflow-artifacts:/0/${runIdOf(index)}/artifacts`,
        lifecycle: 'active',
        created_ms: startOf(index),
        announced_ms: 0,
      },
    ],
    run_metric_latest: (index) =>
      METRICS.map((key, at) => ({
        ...ownerOf(index),
        run_id: runIdOf(index),
        key,
        step: 0,
        timestamp_ms: startOf(index),
        value: valueOf(index, at),
        is_nan: 0,
      })),
    run_param: (index) =>
      paramsOf(index).map((param) => ({ ...ownerOf(index), run_id: runIdOf(index), ...param })),
    run_tag: (index) => tagsOf(index).map((tag) => ({ ...ownerOf(index), run_id: runIdOf(index), ...tag })),
  },
  history: 'run_metric',
  point: (runId, step) => ({
    run_id: runId,
    key: 'curve',
    timestamp_ms: FIRST_MS + step,
    step,
    value: Math.sin(step / 1000),
    is_nan: 0,
    project_id: 'default',
  }),
}

const MLFLOW: Layout = {
  runs: {
    runs: (index) => [
      {
        run_uuid: runIdOf(index),
        name: `run-${index}`,
        source_type: 'UNKNOWN',
        source_name: '',
        entry_point_name: '',
        user_id: 'bench',
        status: 'FINISHED',
        start_time: startOf(index),
        end_time: startOf(index) + 60_000,
        source_version: '',
        lifecycle_stage: 'active',
        artifact_uri: `mlflow-artifacts:/0/${runIdOf(index)}/artifacts`,
        experiment_id: 0,
      },
    ],
    latest_metrics: (index) =>
      METRICS.map((key, at) => ({
        key,
        value: valueOf(index, at),
        timestamp: startOf(index),
        step: 0,
        is_nan: 0,
        run_uuid: runIdOf(index),
      })),
    params: (index) => paramsOf(index).map((param) => ({ ...param, run_uuid: runIdOf(index) })),
    tags: (index) => tagsOf(index).map((tag) => ({ ...tag, run_uuid: runIdOf(index) })),
  },
  history: 'metrics',
  point: (runId, step) => ({
    key: 'curve',
    value: Math.sin(step / 1000),
    timestamp: FIRST_MS + step,
    run_uuid: runId,
    step,
    is_nan: 0,
  }),
}

function ownerOf(_index: number) {
  return { project_id: 'default', experiment_id: '0' }
}

function startOf(index: number): number {
  return FIRST_MS + index * 1000
}

/** Ids in no order, as real ones are. */
function runIdOf(index: number): string {
  return createHash('md5').update(`run ${index}`).digest('hex')
}

function valueOf(index: number, at: number): number {
  return createHash('md5').update(`value ${index} ${at}`).digest().readUInt32LE(0) / 2 ** 32
}

function paramsOf(index: number) {
  return PARAMS.map((key, at) => ({ key, value: String((index + at) % 100) }))
}

function tagsOf(index: number) {
  return [
    { key: 'mlflow.runName', value: `run-${index}` },
    { key: 'mlflow.user', value: 'bench' },
    { key: 'mlflow.source.name', value: 'train.py' },
  ]
}
