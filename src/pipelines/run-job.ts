import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { payloadText } from './payload.ts'
import { messageOf } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import type { ChangeWatch } from './change-watch.ts'
import type { RunCause } from '../steps/definition.ts'
import type { Launcher } from '../steps/steps.ts'
import { PinResolver, type PinSources } from './pins.ts'
import { RunCoordinator } from './run-coordinator.ts'
import { closeTrackingRun, openTrackingRun, trackingIdOf } from './run-tracking.ts'
import type { RunState } from './schema.ts'
import { findRunRow, getPipelineCode, updateRun } from './store.ts'
import type { PipelineRunRow } from './tables.ts'

export interface RunParts {
  launcher: Launcher
  watch: ChangeWatch
  sources: PinSources
  runtimeOf(kind: string, folder: string): Promise<string>
}

interface Ended {
  state: Extract<RunState, 'succeeded' | 'failed' | 'cancelled'>
  error: string | null
}

/**
 * Runs a pipeline's function to its end. Run again after a crash it is recovery: the same pins, and finished steps
 * are found again.
 */
export async function runPipelineJob(context: Context, job: Job, parts: RunParts): Promise<void> {
  const runId = payloadText(job, 'runId')
  const run = await findRunRow(context.db.read, runId)
  if (!run || (run.state !== 'queued' && run.state !== 'running')) return
  const tracked = openTrackingRun(context, {
    projectId: run.project_id,
    pipeline: run.pipeline,
    uuid: run.id,
    name: run.pipeline,
    params: JSON.parse(run.params_json) as JsonObject,
    tags: { 'tidemill.pipeline_run': run.id, 'tidemill.project_version': run.project_version_id },
  })
  tracked.catch(() => undefined)
  await context.db.write(async (trx) => {
    await fence(trx, job)
    const now = await context.db.wallTime(trx)
    const change = {
      state: 'running',
      started_ms: run.started_ms ?? now,
      tracking_run_id: trackingIdOf(run.id),
    } as const
    await updateRun(trx, run.id, change)
    if (run.state === 'queued') await tell(context, trx, run, 'pipeline.run_started', 'running')
  })
  let ended: Ended
  try {
    ended = await follow(context, job, run, parts)
  } catch (error) {
    if (job.signal.aborted || !job.lastAttempt) throw error
    ended = { state: 'failed', error: messageOf(error) }
  }
  await tracked
  await closeTrackingRun(context, {
    projectId: run.project_id,
    runId: trackingIdOf(run.id),
    status: ({ succeeded: 'FINISHED', failed: 'FAILED', cancelled: 'KILLED' } as const)[ended.state],
  })
  await context.db.write(async (trx) => {
    await fence(trx, job)
    await updateRun(trx, run.id, { ...ended, finished_ms: await context.db.wallTime(trx) })
    await tell(context, trx, run, 'pipeline.run_finished', ended.state)
  })
}

async function follow(context: Context, job: Job, run: PipelineRunRow, parts: RunParts): Promise<Ended> {
  const code = await getPipelineCode(context.db.read, run.project_version_id)
  const folder = await parts.launcher.folderOf(code)
  const stop = new AbortController()
  let cancelled = false
  using _cancel = parts.watch.onCancel(run.id, () => {
    cancelled = true
    stop.abort(new Error('The run was cancelled'))
  })
  const signal = AbortSignal.any([job.signal, stop.signal])
  const coordinator = new RunCoordinator({
    context,
    run,
    job,
    code,
    signal,
    watch: parts.watch,
    pins: new PinResolver(context, { id: run.id, projectId: run.project_id }, parts.sources),
    runtimeOf: (kind) => parts.runtimeOf(kind, folder),
    abandon: (error) => stop.abort(error),
  })
  await coordinator.recover()
  try {
    const { error } = await parts.launcher.runFunction(code, taskOf(run), {
      signal,
      message(message, answer) {
        if (message.type !== 'finished') coordinator.receive(message, answer)
      },
    })
    signal.throwIfAborted()
    await coordinator.flush()
    return { state: error === null ? 'succeeded' : 'failed', error }
  } catch (error) {
    if (!cancelled) throw signal.aborted ? signal.reason : error
    await coordinator.cancelAll()
    return { state: 'cancelled', error: null }
  }
}

function taskOf(run: PipelineRunRow) {
  return {
    type: 'function',
    pipeline: run.pipeline,
    runId: run.id,
    params: JSON.parse(run.params_json) as JsonObject,
    cause: JSON.parse(run.cause_json) as RunCause,
  } as const
}

async function tell(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  run: PipelineRunRow,
  kind: 'pipeline.run_started' | 'pipeline.run_finished',
  state: RunState,
): Promise<void> {
  const payload = { runId: run.id, pipeline: run.pipeline, state }
  await appendEvent(trx, { projectId: run.project_id, kind, payload, atMs: clock.now() })
}
