import { rm, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getVersion, versionScan } from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'
import {
  parquetScan,
  quoteIdentifier,
  quoteLiteral,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import { loadTable } from '../model-files/model-files.ts'
import { countDays, requireLabels } from '../registry/registry.ts'
import type { BenchmarkDefinition, HoldoutFacts } from './schema.ts'
import { definitionOf, findBenchmarkRowById, updateBenchmark } from './store.ts'
import type { BenchmarkRow } from './tables.ts'

const MAX_ROWS = 1_000_000

export interface PreparePayload {
  benchmarkId: string
  datasetVersionId?: string
  fromMs?: number
}

type Reach = Pick<Context, 'db' | 'clock' | 'artifacts' | 'analytics'>

interface Prepared {
  holdout: StoredBlob
  features: StoredBlob | undefined
  facts: HoldoutFacts
}

/** Makes the holdout of a benchmark: rows with a label, in order, as one Parquet file; and opens the benchmark. */
export async function prepareBenchmark(context: Reach, job: Job, payload: PreparePayload): Promise<void> {
  const row = await findBenchmarkRowById(context.db.read, payload.benchmarkId)
  if (row?.state !== 'preparing') return
  const prepared = await prepare(context, row, payload).catch((error: unknown) => {
    if (error instanceof AppError && ['invalid', 'not_found'].includes(error.code)) return error.message
    if (job.lastAttempt) return 'The rows could not be read; the log of the worker says why'
    throw error
  })
  const { db, clock } = context
  await db.write(async (trx) => {
    await fence(trx, job)
    const { project_id: projectId, name } = row
    if (typeof prepared === 'string') {
      await updateBenchmark(trx, row.id, { state: 'failed', error: prepared, source_sha256: null })
    } else {
      const nowMs = await db.wallTime(trx)
      await recordBlob(trx, { projectId, blob: prepared.holdout, nowMs })
      if (prepared.features) await recordBlob(trx, { projectId, blob: prepared.features, nowMs })
      await updateBenchmark(trx, row.id, {
        state: 'open',
        holdout_json: JSON.stringify(prepared.facts),
        holdout_sha256: prepared.holdout.sha256,
        features_sha256: prepared.features?.sha256 ?? null,
        source_sha256: null,
      })
    }
    const payload = { benchmark: name }
    await appendEvent(trx, { projectId, kind: 'benchmark.changed', payload, atMs: clock.now() })
  })
}

async function prepare(context: Reach, row: BenchmarkRow, payload: PreparePayload): Promise<Prepared> {
  const { artifacts, analytics } = context
  const definition = definitionOf(row)
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-benchmark-'))
  // One thread: the digest depends on the rows alone.
  await using session = await analytics.session({ threads: 1 })
  try {
    const scan = await scanOf(context, row, payload)
    const columns = await columnsOf(session, scan)
    const features = featuresOf(definition, columns)
    await requireRows(session, scan, definition)
    const path = join(folder, 'holdout.parquet')
    await write(session, { scan, definition, features, path, withLabel: true })
    const facts = await checkHoldout(context, definition, { path, features, columns })
    const open = join(folder, 'features.parquet')
    if (definition.featuresOpen)
      await write(session, { scan, definition, features, path: open, withLabel: false })
    return {
      holdout: await artifacts.putFile(path),
      features: definition.featuresOpen ? await artifacts.putFile(open) : undefined,
      facts,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function scanOf(
  context: Reach,
  { project_id: projectId, source_sha256 }: BenchmarkRow,
  { datasetVersionId, fromMs }: PreparePayload,
): Promise<string> {
  if (datasetVersionId !== undefined) {
    const version = await getVersion(context, { projectId, id: datasetVersionId })
    return await versionScan(context, version, { fromMs })
  }
  if (source_sha256 === null) throw new AppError('not_found', 'The file of the holdout is gone')
  return `SELECT * FROM ${parquetScan([await context.artifacts.localPath(source_sha256)])}`
}

async function columnsOf(session: AnalyticsSession, scan: string): Promise<Map<string, string>> {
  const described = await session.query(`DESCRIBE ${scan}`).catch((cause: unknown) => {
    throw new AppError('invalid', `The holdout can’t be read as Parquet: ${(cause as Error).message}`, {
      cause,
    })
  })
  return new Map(described.map((row) => [String(row['column_name']), String(row['column_type'])]))
}

/** Columns that a model may have. Throws `invalid` for a column that is not there. */
function featuresOf(
  { label, id, time, exclude }: BenchmarkDefinition,
  columns: ReadonlyMap<string, string>,
): string[] {
  const named = [label, ...(id === undefined ? [] : [id]), ...(time === undefined ? [] : [time]), ...exclude]
  for (const name of named)
    if (!columns.has(name))
      throw new AppError(
        'invalid',
        `The holdout has no column ${name}: it has ${[...columns.keys()].join(', ')}`,
      )
  return [...columns.keys()].filter((name) => name !== label && !exclude.includes(name))
}

async function requireRows(
  session: AnalyticsSession,
  scan: string,
  { label, id }: BenchmarkDefinition,
): Promise<void> {
  const named = id === undefined ? 'count(*)' : `count(DISTINCT ${quoteIdentifier(id)})`
  const [found] = await session.query(
    `SELECT count(*) AS rows, ${named} AS ids FROM (${scan}) WHERE ${quoteIdentifier(label)} IS NOT NULL`,
  )
  const { rows, ids } = found as { rows: number; ids: number }
  if (rows < 2 || rows > MAX_ROWS)
    throw new AppError(
      'invalid',
      `A holdout has from 2 to ${MAX_ROWS} rows with a label; this one has ${rows}`,
    )
  if (ids !== rows)
    throw new AppError('invalid', `The column ${id} names ${ids} rows of ${rows}: it must name each`)
}

async function write(
  session: AnalyticsSession,
  {
    scan,
    definition: { label, id, time },
    features,
    path,
    withLabel,
  }: { scan: string; definition: BenchmarkDefinition; features: string[]; path: string; withLabel: boolean },
): Promise<void> {
  const order = [time, id].filter((name) => name !== undefined).map(quoteIdentifier)
  const columns = [...features, ...(withLabel ? [label] : [])].map(quoteIdentifier)
  await session.execute(
    `COPY (SELECT ${columns.join(', ')} FROM (${scan}) WHERE ${quoteIdentifier(label)} IS NOT NULL
      ${order.length > 0 ? `ORDER BY ${order.join(', ')}` : ''}) TO ${quoteLiteral(path)} (FORMAT parquet)`,
  )
}

/** Labels that the task does not have, a single class, or too few rows for an interval: said before anyone submits. */
async function checkHoldout(
  { analytics }: Pick<Context, 'analytics'>,
  { task, metric, label, time, classes }: BenchmarkDefinition,
  { path, features, columns }: { path: string; features: string[]; columns: ReadonlyMap<string, string> },
): Promise<HoldoutFacts> {
  const table = await loadTable(analytics, { parquet: [path], label, dayColumn: time, classes }, [])
  if (task !== 'multiclass') requireLabels(table, task)
  const different = new Set(table.labels).size
  if (task !== 'regression' && different < 2)
    throw new AppError('invalid', `All rows have the same ${label}, so that ${metric} measures nothing`)
  return {
    rows: table.rows,
    blocks: table.days.length,
    days: countDays(table.days) > 0,
    features: features.map((name) => ({ name, type: columns.get(name)! })),
  }
}
