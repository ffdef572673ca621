import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { enqueue } from '../jobs/jobs.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { unknownName } from '../kernel/unknown-name.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import type { RunCause } from '../steps/definition.ts'
import { checkParams } from './params-check.ts'
import type { PipelineRun, RunView } from './schema.ts'
import {
  countAttempts,
  findExecution,
  findPipelineRow,
  findRunRow,
  getPipelineCode,
  insertRun,
  listEffectRows,
  listPins,
  listPipelineRows,
  listRunRows,
  listStepRunRows,
  toEffect,
  toPipeline,
  toRun,
  toStepRun,
  updateRun,
} from './store.ts'
import type { PipelineRunRow } from './tables.ts'

export const RUN_JOB = 'pipelines.run'

export interface StartRun extends Caller {
  pipeline: string
  params?: JsonObject
}

/** Starts a pipeline on demand. Throws `not_found` for an unknown pipeline, `invalid` for wrong params. */
export async function startRun(
  context: Pick<Context, 'db' | 'clock' | 'ids'>,
  { projectId, actor, pipeline, params = {} }: StartRun,
): Promise<PipelineRun> {
  requirePermission(actor, 'contribute', projectId)
  return await context.db.write(async (trx) => {
    const cause: RunCause = {
      kind: 'on_demand',
      sentence: `Started by ${actor.name}`,
      detail: { actor: actor.id },
    }
    const run = await insertRunOf(context, trx, { projectId, actor, pipeline, params, cause })
    await audit(trx, {
      projectId,
      actor,
      action: 'pipelines.start_run',
      subject: run.id,
      detail: { pipeline },
    })
    return toRun(run)
  })
}

/** Starts a run in the caller's transaction. */
export async function insertRunOf(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  trx: Trx,
  input: Caller & { pipeline: string; params: JsonObject; cause: RunCause },
): Promise<PipelineRunRow> {
  const { projectId, actor, pipeline, params, cause } = input
  const row = await findPipelineRow(trx, projectId, pipeline)
  if (!row) {
    const names = (await listPipelineRows(trx, projectId)).map(({ name }) => name)
    if (names.length === 0) {
      throw new AppError(
        'not_found',
        `There is no pipeline ${pipeline}: no project with pipelines has been applied yet. \`tidemill up\` in its folder does that and says so; so does \`tidemill apply\`.`,
        { details: { pipeline } },
      )
    }
    throw unknownName('pipeline', pipeline, names, { pipeline })
  }
  const definition = toPipeline(row)
  checkParams(pipeline, definition.params, params)
  const { snapshot } = await getPipelineCode(trx, row.project_version_id)
  const run: PipelineRunRow = {
    id: ids.uuid(),
    project_id: projectId,
    pipeline,
    project_version_id: row.project_version_id,
    snapshot_sha256: snapshot,
    params_json: JSON.stringify(params),
    cause_json: JSON.stringify(cause),
    state: 'queued',
    cancel_requested: 0,
    error: null,
    tracking_run_id: null,
    actor_id: actor.id,
    at_ms: clock.now(),
    created_ms: await db.wallTime(trx),
    started_ms: null,
    finished_ms: null,
  }
  await insertRun(trx, run)
  await enqueue(trx, {
    projectId,
    kind: RUN_JOB,
    slot: 'pipeline',
    payload: { runId: run.id },
    uniqueKey: `${RUN_JOB}:${run.id}`,
  })
  return run
}

/** Asks for a run to end. Steps that another run waits for go on. Doing it twice, or too late, is no error. */
export async function cancelRun(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId }: Caller & { runId: string },
): Promise<PipelineRun> {
  requirePermission(actor, 'contribute', projectId)
  return await db.write(async (trx) => {
    const run = await findRunRow(trx, runId)
    if (run?.project_id !== projectId) throw noRun(runId)
    if (run.finished_ms === null && run.cancel_requested === 0) {
      await updateRun(trx, runId, { cancel_requested: 1 })
      await audit(trx, { projectId, actor, action: 'pipelines.cancel_run', subject: runId })
    }
    return toRun(run)
  })
}

/** A run with its steps in the order of their calls, its pins and its effects. */
export async function getRun(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId }: Caller & { runId: string },
): Promise<RunView> {
  requirePermission(actor, 'view', projectId)
  const run = await findRunRow(db.read, runId)
  if (run?.project_id !== projectId) throw noRun(runId)
  const rows = await listStepRunRows(db.read, runId)
  const ids = [...new Set(rows.flatMap((row) => row.execution_id ?? []))]
  const executions = new Map(
    await Promise.all(ids.map(async (id) => [id, await findExecution(db.read, id)] as const)),
  )
  const attempts = await countAttempts(db.read, ids)
  return {
    run: toRun(run),
    steps: rows.map((row) => {
      const id = row.execution_id ?? ''
      return toStepRun(row, executions.get(id), row.cached === 1 ? 0 : (attempts.get(id) ?? 0))
    }),
    pins: await listPins(db.read, runId),
    effects: (await listEffectRows(db.read, runId)).map(toEffect),
  }
}

/** One page of runs, newest first. */
export async function listRuns(
  { db }: Pick<Context, 'db'>,
  {
    projectId,
    actor,
    pipeline,
    limit = 50,
    pageToken,
  }: Caller & {
    pipeline?: string | undefined
    limit?: number | undefined
    pageToken?: string | undefined
  },
): Promise<{ items: PipelineRun[]; nextPageToken?: string }> {
  requirePermission(actor, 'view', projectId)
  const rows = await listRunRows(db.read, { projectId, pipeline, limit: limit + 1, before: pageToken })
  const items = rows.slice(0, limit).map(toRun)
  const last = items.at(-1)
  return rows.length > limit && last ? { items, nextPageToken: last.id } : { items }
}

export function noRun(runId: string): AppError {
  return new AppError('not_found', `There is no pipeline run ${runId}`, { details: { runId } })
}
