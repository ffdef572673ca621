import { holdVersion, resolveReadable } from '../data/data.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import { DIRECTION, getUpload } from '../registry/registry.ts'
import type { PreparePayload } from './prepare.ts'
import type { Benchmark, BenchmarkDetail, ChangeBenchmark, CreateBenchmark } from './schema.ts'
import {
  definitionOf,
  getBenchmarkRow,
  insertBenchmark,
  listBenchmarkRows,
  standingsIn,
  toBenchmark,
  updateBenchmark,
} from './store.ts'

export { listOwnSubmissions, submit } from './submit.ts'
export { listDatasetVersionUses, listModelVersionUses, referencedBlobs } from './store.ts'

export const PREPARE_JOB = 'benchmarks.prepare'

/**
 * Makes a benchmark and asks a worker to prepare its holdout; until then it is `preparing`, and `failed` with the reason when the rows do
 * not fit the definition. Throws `not_found` for a source that is not there, `already_exists` for a name that is.
 */
export async function createBenchmark(
  context: Pick<Context, 'db' | 'clock' | 'ids' | 'artifacts'>,
  { projectId, actor, name, description, definition, source, dailyLimit }: Caller & CreateBenchmark,
): Promise<Benchmark> {
  const { db, clock, ids } = context
  requirePermission(actor, 'maintain', projectId)
  const upload = 'upload' in source ? await getUpload(context, { projectId, id: source.upload }) : undefined
  const version =
    'dataset' in source ? await resolveReadable(context, { projectId, reference: source.dataset }) : undefined
  const id = ids.uuid()
  const payload: PreparePayload = {
    benchmarkId: id,
    ...(version && { datasetVersionId: version.id }),
    ...('fromMs' in source && source.fromMs !== undefined && { fromMs: source.fromMs }),
  }
  await db
    .write(async (trx) => {
      if (version && !(await holdVersion(trx, version.id)))
        throw new AppError(
          'conflict',
          `${version.dataset}@${version.number} was deleted by retention meanwhile`,
        )
      if (upload) await recordBlob(trx, { projectId, blob: upload, nowMs: await db.wallTime(trx) })
      await insertBenchmark(trx, {
        ...newBenchmark(clock.now()),
        id,
        project_id: projectId,
        name,
        description,
        definition_json: JSON.stringify(definition),
        daily_limit: dailyLimit,
        source_sha256: upload?.sha256 ?? null,
        dataset_version_id: version?.id ?? null,
        created_by: actor.name,
      })
      const uniqueKey = `${PREPARE_JOB}:${id}`
      await enqueue(trx, { projectId, kind: PREPARE_JOB, payload: { ...payload }, uniqueKey })
      const { task, metric } = definition
      const from = version ? `${version.dataset} ${version.number}` : upload!.sha256
      const detail = { task, metric, source: from }
      await audit(trx, { projectId, actor, action: 'benchmarks.create', subject: name, detail })
    })
    .catch((cause: unknown) => {
      if (!isUniqueViolation(cause)) throw cause
      throw new AppError('already_exists', `There is a benchmark ${name} already`, { cause })
    })
  return toBenchmark(await getBenchmarkRow(db.read, projectId, name))
}

/** Without a holdout, which a worker prepares, and without submissions. */
function newBenchmark(nowMs: number) {
  return {
    state: 'preparing' as const,
    error: null,
    holdout_json: null,
    holdout_sha256: null,
    features_sha256: null,
    submissions: 0,
    evaluated: 0,
    standings_json: '[]',
    standings_of: 0,
    created_ms: nowMs,
    updated_ms: nowMs,
  }
}

/** Opens or closes a benchmark, or changes its words and its limit. The holdout, the task and the metric never change. */
export async function changeBenchmark(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, name, change }: Caller & { name: string; change: ChangeBenchmark },
): Promise<Benchmark> {
  requirePermission(actor, 'maintain', projectId)
  const { description, dailyLimit, state } = change
  await db.write(async (trx) => {
    const row = await getBenchmarkRow(trx, projectId, name)
    if (state !== undefined && row.holdout_sha256 === null)
      throw new AppError(
        'conflict',
        `The holdout of ${name} is not ready, so it can be neither opened nor closed`,
      )
    const nowMs = clock.now()
    await updateBenchmark(trx, row.id, {
      ...(description !== undefined && { description }),
      ...(dailyLimit !== undefined && { daily_limit: dailyLimit }),
      ...(state !== undefined && { state }),
      updated_ms: nowMs,
    })
    const detail = { ...(dailyLimit !== undefined && { dailyLimit }), ...(state !== undefined && { state }) }
    await audit(trx, { projectId, actor, action: 'benchmarks.change', subject: name, detail })
    await appendEvent(trx, {
      projectId,
      kind: 'benchmark.changed',
      payload: { benchmark: name },
      atMs: nowMs,
    })
  })
  return toBenchmark(await getBenchmarkRow(db.read, projectId, name))
}

export async function listBenchmarks(
  { db }: Pick<Context, 'db'>,
  { projectId, actor }: Caller,
): Promise<Benchmark[]> {
  requirePermission(actor, 'view', projectId)
  return (await listBenchmarkRows(db.read, projectId)).map(toBenchmark)
}

export async function getBenchmark(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, name }: Caller & { name: string },
): Promise<BenchmarkDetail> {
  requirePermission(actor, 'view', projectId)
  const row = await getBenchmarkRow(db.read, projectId, name)
  const { metric } = definitionOf(row)
  return { ...toBenchmark(row), higherIsBetter: DIRECTION[metric] === 1, standings: standingsIn(row) }
}

/**
 * The rows without their label, where the benchmark gives them to those who see it; the whole holdout to an admin alone, which is audited.
 * Throws `denied` and, until the holdout is made, `conflict`.
 */
export async function holdoutFile(
  { db, artifacts }: Pick<Context, 'db' | 'artifacts'>,
  { projectId, actor, name, part }: Caller & { name: string; part: 'features' | 'holdout' },
): Promise<string> {
  requirePermission(actor, part === 'holdout' ? 'administer' : 'view', projectId)
  const row = await getBenchmarkRow(db.read, projectId, name)
  if (part === 'features' && !definitionOf(row).featuresOpen)
    throw new AppError('denied', `The benchmark ${name} does not give its rows away: submit a model instead`)
  const sha256 = part === 'holdout' ? row.holdout_sha256 : row.features_sha256
  if (sha256 === null) throw new AppError('conflict', `The holdout of ${name} is not ready`)
  if (part === 'holdout')
    await db.write((trx) =>
      audit(trx, { projectId, actor, action: 'benchmarks.read_holdout', subject: name }),
    )
  return await artifacts.localPath(sha256)
}
