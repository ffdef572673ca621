import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import { StepToken } from '../governance/governance.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import { redact, requireSecret } from '../kernel/secret.ts'
import {
  abandonAttempt,
  commitFailure,
  commitResult,
  keepCheckpoint,
  storeOutputs,
  type Attempt,
  type StoredOutputs,
} from './attempt-outcome.ts'
import type { ChangeWatch } from './change-watch.ts'
import type { Launcher, RawOutput, StepMessage, StepTask, TaskInput } from '../steps/steps.ts'
import type { StepDefinition } from '../steps/definition.ts'
import { LOST_ATTEMPTS } from './executions.ts'
import { MetricBuffer } from './metric-buffer.ts'
import { payloadText } from './payload.ts'
import { openTrackingRun, type TrackedRun } from './run-tracking.ts'
import type { Output } from './schema.ts'
import { logPath, StepLog } from './step-log.ts'
import {
  findExecution,
  findRunRow,
  getPipelineCode,
  insertAttempt,
  listAttempts,
  loseAttempts,
  setExecutionTracking,
} from './store.ts'
import type { ExecutionRow } from './tables.ts'

export interface ExecuteParts {
  launcher: Launcher
  watch: ChangeWatch
  /** What a foreign step's environment holds about its tracking run. */
  environmentOf: (run: {
    projectId: string
    tracked: TrackedRun
    token: string
  }) => Promise<Record<string, string>>
}

/** Runs one attempt of an execution and commits its result, or its failure when no attempt is left. */
export async function executeJob(context: Context, job: Job, parts: ExecuteParts): Promise<void> {
  const execution = await findExecution(context.db.read, payloadText(job, 'executionId'))
  if (execution?.state !== 'running') return
  const attempt = await beginAttempt(context, job, execution)
  const stop = new AbortController()
  const signal = AbortSignal.any([job.signal, stop.signal])
  void parts.watch.ended(execution.id, signal).then(
    () => stop.abort(new AppError('conflict', 'Cancelled: nobody waits for the step any more')),
    () => undefined,
  )
  const folder = join(context.config.dataDir, 'work', `${execution.id}-${job.attempt}`)
  try {
    await runAttempt(context, attempt, { ...parts, signal, folder })
  } finally {
    stop.abort()
    await rm(folder, { recursive: true, force: true })
  }
}

async function beginAttempt(context: Context, job: Job, execution: ExecutionRow): Promise<Attempt> {
  const { db } = context
  const code = await getPipelineCode(db.read, execution.project_version_id)
  const step = code.steps.get(execution.step_id)
  if (!step) throw new AppError('internal', `The project version has no step ${execution.step_id}`)
  const run = await findRunRow(db.read, execution.run_id)
  const tracked = await openTrackingRun(context, {
    projectId: execution.project_id,
    pipeline: run?.pipeline ?? step.name,
    uuid: execution.id,
    name: step.name,
    parentUuid: execution.run_id,
    params: JSON.parse(execution.params_json) as JsonObject,
    tags: { 'tidemill.execution': execution.id, 'tidemill.step': step.id },
  })
  const earlier = await db.write(async (trx) => {
    await fence(trx, job)
    const now = await db.wallTime(trx)
    await loseAttempts(trx, execution.id, now)
    await setExecutionTracking(trx, execution.id, tracked.id)
    const before = await listAttempts(trx, execution.id)
    await insertAttempt(trx, {
      execution_id: execution.id,
      number: job.attempt,
      project_id: execution.project_id,
      state: 'running',
      error: null,
      log_sha256: null,
      checkpoint_sha256: before.at(-1)?.checkpoint_sha256 ?? null,
      created_ms: now,
      finished_ms: null,
    })
    return before
  })
  return { execution, step, code, job, tracked, earlier }
}

interface Surroundings extends ExecuteParts {
  signal: AbortSignal
  folder: string
}

async function runAttempt(context: Context, attempt: Attempt, around: Surroundings): Promise<void> {
  const { execution, job, tracked } = attempt
  const hidden: string[] = []
  const log = new StepLog(logPath(context.config, execution.id, job.attempt), hidden)
  const metrics = new MetricBuffer(context, { projectId: execution.project_id, runId: tracked.id })
  const checkpoints: Promise<void>[] = []
  const message = (told: StepMessage): void => {
    if (told.type === 'log') log.write(told.text)
    else if (told.type === 'metric') metrics.add({ ...told, timestampMs: told.atMs })
    else if (told.type === 'checkpoint') checkpoints.push(keepCheckpoint(context, attempt, told.path))
  }
  let outcome: { outputs: StoredOutputs } | { error: unknown }
  try {
    const raw = await runCode(context, attempt, { ...around, message, hidden })
    outcome = { outputs: await storeOutputs(context, raw) }
  } catch (error) {
    outcome = { error }
  }
  if (around.signal.aborted) {
    await log.remove()
    await abandonAttempt(context, attempt)
    if (job.signal.aborted) throw job.signal.reason
    return
  }
  await Promise.allSettled(checkpoints)
  if ('error' in outcome) log.write(`${messageOf(outcome.error)}\n`)
  const logBlob = await context.artifacts.put(await log.close())
  await metrics.flush()
  if ('outputs' in outcome) await commitResult(context, attempt, outcome.outputs, logBlob)
  else await commitFailure(context, attempt, redact(messageOf(outcome.error), hidden), logBlob)
  await log.remove()
}

interface CodeRun extends Surroundings {
  message: (message: StepMessage) => void
  /** Grows by what may not stand in a log. */
  hidden: string[]
}

/** Runs the code of the step once. A token that it had is worth nothing any more when this returns. */
async function runCode(
  context: Context,
  attempt: Attempt,
  { launcher, environmentOf, signal, folder, message, hidden }: CodeRun,
): Promise<Record<string, RawOutput>> {
  const { execution, step, tracked, code } = attempt
  const lost = attempt.earlier.filter(({ state }) => state === 'lost').length
  if (lost > LOST_ATTEMPTS)
    throw new AppError('invalid', `The worker died in ${lost} attempts of the step ${step.name}`)
  const secrets = Object.fromEntries(step.secrets.map((name) => [name, requireSecret(name)]))
  hidden.push(...Object.values(secrets))
  await mkdir(folder, { recursive: true })
  const run = async (env: Record<string, string>): Promise<Record<string, RawOutput>> => {
    const task = await taskOf(context, attempt, { folder, secrets, env })
    return await launcher.runStep(code, task, { signal, message })
  }
  if (!isForeign(step)) return await run({})
  await using token = await mintToken(context, attempt)
  hidden.push(token.token)
  return await run(await environmentOf({ projectId: execution.project_id, tracked, token: token.token }))
}

/** A process of its own, which speaks to the server as any client does. */
function isForeign({ kind }: StepDefinition): boolean {
  return kind === 'py' || kind === 'sh'
}

function mintToken(context: Context, { execution, step, tracked, job }: Attempt): Promise<StepToken> {
  const { project_id: projectId, id: executionId } = execution
  const name = `The step ${step.name}`
  return StepToken.mint(context, { projectId, executionId, name, runId: tracked.id, job })
}

async function taskOf(
  { artifacts }: Pick<Context, 'artifacts'>,
  { execution, step, job, tracked, earlier }: Attempt,
  { folder, secrets, env }: Pick<StepTask, 'folder' | 'secrets' | 'env'>,
): Promise<StepTask> {
  const inputs: Record<string, TaskInput> = {}
  for (const [name, output] of Object.entries(JSON.parse(execution.inputs_json) as Record<string, Output>)) {
    if (output.kind === 'json') inputs[name] = { kind: 'json', value: output.value }
    else if (output.kind === 'model')
      inputs[name] = { kind: 'model', path: await artifacts.localPath(output.sha256) }
    else
      inputs[name] = {
        kind: 'table',
        paths: await Promise.all(output.parts.map((part) => artifacts.localPath(part))),
      }
  }
  const checkpoint = earlier.at(-1)?.checkpoint_sha256
  return {
    type: 'step',
    step,
    params: JSON.parse(execution.params_json) as JsonObject,
    inputs,
    folder,
    run: {
      runId: execution.run_id,
      executionId: execution.id,
      attempt: job.attempt,
      trackingRunId: tracked.id,
    },
    env,
    timeoutMs: step.timeoutMs ?? null,
    checkpoint: checkpoint ? await artifacts.localPath(checkpoint) : null,
    secrets,
  }
}
