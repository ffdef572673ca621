import type { Context } from '../http/context.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Code, RawOutput } from '../steps/steps.ts'
import type { StepDefinition } from '../steps/definition.ts'
import { closeTrackingRun, type TrackedRun } from './run-tracking.ts'
import { tableOutput, type Output } from './schema.ts'
import { endExecution, findExecution, insertArtifact, updateAttempt } from './store.ts'
import type { AttemptRow, ExecutionRow } from './tables.ts'

/** One attempt at an execution, while it is under way. */
export interface Attempt {
  execution: ExecutionRow
  step: StepDefinition
  code: Code
  job: Job
  tracked: TrackedRun
  earlier: AttemptRow[]
}

export interface StoredOutputs {
  outputs: Record<string, Output>
  blobs: Map<string, StoredBlob>
}

export async function storeOutputs(
  { artifacts }: Pick<Context, 'artifacts'>,
  raw: Readonly<Record<string, RawOutput>>,
): Promise<StoredOutputs> {
  const outputs: Record<string, Output> = {}
  const blobs = new Map<string, StoredBlob>()
  for (const [name, output] of Object.entries(raw)) {
    if (output.kind === 'json') {
      outputs[name] = { kind: 'json', sha256: hashJson(output.value), value: output.value }
      continue
    }
    const blob = await artifacts.putFile(output.path)
    blobs.set(name, blob)
    outputs[name] =
      output.kind === 'table' ? tableOutput([blob.sha256]) : { kind: 'model', sha256: blob.sha256 }
  }
  return { outputs, blobs }
}

export async function commitResult(
  context: Context,
  { execution, job, tracked }: Attempt,
  { outputs, blobs }: StoredOutputs,
  logBlob: StoredBlob,
): Promise<void> {
  const { db } = context
  const projectId = execution.project_id
  await closeTrackingRun(context, { projectId, runId: tracked.id, status: 'FINISHED' })
  await db.write(async (trx) => {
    await fence(trx, job)
    const nowMs = await db.wallTime(trx)
    for (const blob of [...blobs.values(), logBlob]) await recordBlob(trx, { projectId, blob, nowMs })
    const change = { state: 'succeeded', outputs_json: JSON.stringify(outputs), finished_ms: nowMs } as const
    if (!(await endExecution(trx, execution.id, change))) return
    for (const [name, output] of Object.entries(outputs)) {
      const sizeBytes = blobs.get(name)?.sizeBytes ?? JSON.stringify(output).length
      await insertArtifact(trx, { executionId: execution.id, projectId, name, output, sizeBytes, nowMs })
    }
    await updateAttempt(
      trx,
      { executionId: execution.id, number: job.attempt },
      { state: 'succeeded', log_sha256: logBlob.sha256, finished_ms: nowMs },
    )
  })
}

/** Throws while the step has retries left, so that its job is given back with a delay. */
export async function commitFailure(
  context: Context,
  attempt: Attempt,
  error: string,
  logBlob: StoredBlob,
): Promise<void> {
  const { db } = context
  const { execution, step, job, tracked, earlier } = attempt
  const projectId = execution.project_id
  const failures = earlier.filter(({ state }) => state === 'failed').length + 1
  const last = failures > step.retries
  if (last) await closeTrackingRun(context, { projectId, runId: tracked.id, status: 'FAILED' })
  await db.write(async (trx) => {
    await fence(trx, job)
    const nowMs = await db.wallTime(trx)
    await recordBlob(trx, { projectId, blob: logBlob, nowMs })
    await updateAttempt(
      trx,
      { executionId: execution.id, number: job.attempt },
      { state: 'failed', error, log_sha256: logBlob.sha256, finished_ms: nowMs },
    )
    if (last)
      await endExecution(trx, execution.id, { state: 'failed', cache_key: null, error, finished_ms: nowMs })
  })
  if (!last) throw new AppError('invalid', `${step.name}: ${error}`)
}

/** The worker stops, or nobody waits any more: the attempt says nothing about the step. */
export async function abandonAttempt(context: Context, { execution, job, tracked }: Attempt): Promise<void> {
  const { db } = context
  await db.write(async (trx) =>
    updateAttempt(
      trx,
      { executionId: execution.id, number: job.attempt },
      { state: 'cancelled', finished_ms: await db.wallTime(trx) },
    ),
  )
  const now = await findExecution(db.read, execution.id)
  if (now?.state === 'cancelled') {
    await closeTrackingRun(context, { projectId: execution.project_id, runId: tracked.id, status: 'KILLED' })
  }
}

/** Kept so that the next attempt can go on from it. */
export async function keepCheckpoint(
  context: Context,
  { execution, job }: Attempt,
  path: string,
): Promise<void> {
  const { db, artifacts } = context
  const blob = await artifacts.putFile(path)
  await db.write(async (trx) => {
    await fence(trx, job)
    await recordBlob(trx, { projectId: execution.project_id, blob, nowMs: await db.wallTime(trx) })
    await updateAttempt(
      trx,
      { executionId: execution.id, number: job.attempt },
      { checkpoint_sha256: blob.sha256 },
    )
  })
}
