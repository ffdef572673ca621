import type { Context } from '../http/context.ts'
import { enqueue } from '../jobs/jobs.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { touchBlobs } from '../ports/artifacts/blobs.ts'
import type { StepDefinition } from '../steps/definition.ts'
import { environmentHash, hashFingerprint, type Fingerprint } from './fingerprint.ts'
import { blobsOf, type Output } from './schema.ts'
import {
  countWaiters,
  endExecution,
  findExecutionByKey,
  freeCacheKey,
  insertExecution,
  listBlobRows,
  outputsOf,
} from './store.ts'
import type { ExecutionRow } from './tables.ts'

/** Worker deaths and other failures that are not the step's own; they do not use up its retries. */
export const LOST_ATTEMPTS = 5

export const EXECUTE_JOB = 'pipelines.execute'

type Reach = Pick<Context, 'db' | 'artifacts'>

export interface ExecutionRequest {
  projectId: string
  projectVersionId: string
  runId: string
  step: StepDefinition
  fingerprint: Fingerprint
  cacheKey: string
  params: JsonObject
  inputs: Readonly<Record<string, Output>>
}

/** A committed execution whose result may be used, if there is one. */
export async function findHit(
  { db, artifacts }: Reach,
  { projectId, cacheKey, step }: Pick<ExecutionRequest, 'projectId' | 'cacheKey' | 'step'>,
): Promise<ExecutionRow | undefined> {
  const found = await findExecutionByKey(db.read, projectId, cacheKey)
  if (found?.state !== 'succeeded' || (await isTooOld({ db }, db.read, step, found))) return undefined
  return (await hasBlobs({ db, artifacts }, found)) ? found : undefined
}

async function isTooOld(
  { db }: Pick<Context, 'db'>,
  at: Queryable,
  { cache }: StepDefinition,
  { finished_ms: finishedMs }: ExecutionRow,
): Promise<boolean> {
  return typeof cache === 'object' && (await db.wallTime(at)) - (finishedMs ?? 0) > cache.maxAgeMs
}

/** Whether every blob of a result is there and will stay. */
export async function hasBlobs({ db, artifacts }: Reach, execution: ExecutionRow): Promise<boolean> {
  const hashes = [...new Set(Object.values(outputsOf(execution)).flatMap(blobsOf))]
  if (hashes.length === 0) return true
  const rows = await listBlobRows(db.read, hashes)
  if (rows.length < hashes.length) return false
  const condemned = rows.filter((row) => row.condemned_ms !== null).map((row) => row.sha256)
  if (condemned.length > 0) {
    const kept = await db.write((trx) => touchBlobs(trx, condemned))
    if (kept.size < condemned.length) return false
  }
  const present = await Promise.all(hashes.map((hash) => artifacts.has(hash)))
  return present.every(Boolean)
}

/**
 * The one execution with the key, in the caller's transaction: one that runs is joined; otherwise a new one is
 * started, in the place of `stale`, whose result can't be used any more.
 */
export async function joinOrStart(
  { db, ids }: Pick<Context, 'db' | 'ids'>,
  trx: Trx,
  request: ExecutionRequest,
  stale: string | undefined,
): Promise<ExecutionRow> {
  const known = await findExecutionByKey(trx, request.projectId, request.cacheKey)
  if (known && known.id !== stale) return known
  if (known) await freeCacheKey(trx, known.id)
  const id = ids.uuid()
  const jobId = await enqueue(trx, {
    projectId: request.projectId,
    kind: EXECUTE_JOB,
    payload: { executionId: id },
    maxAttempts: request.step.retries + 1 + LOST_ATTEMPTS,
  })
  const row: ExecutionRow = {
    id,
    project_id: request.projectId,
    step_name: request.step.name,
    fingerprint: hashFingerprint(request.fingerprint),
    fingerprint_json: JSON.stringify(request.fingerprint),
    environment_sha256: environmentHash(request.fingerprint),
    cache_key: request.cacheKey,
    project_version_id: request.projectVersionId,
    step_id: request.step.id,
    inputs_json: JSON.stringify(request.inputs),
    params_json: JSON.stringify(request.params),
    run_id: request.runId,
    job_id: jobId ?? null,
    state: 'running',
    outputs_json: null,
    error: null,
    tracking_run_id: null,
    created_ms: await db.wallTime(trx),
    finished_ms: null,
  }
  await insertExecution(trx, row)
  return row
}

/** Cancels an execution that nobody waits for any more. The caller's own step run no longer counts. */
export async function leaveExecution(trx: Trx, executionId: string, nowMs: number): Promise<void> {
  if ((await countWaiters(trx, executionId)) > 0) return
  await endExecution(trx, executionId, {
    state: 'cancelled',
    cache_key: null,
    error: 'Cancelled: nobody waits for it any more',
    finished_ms: nowMs,
  })
}
