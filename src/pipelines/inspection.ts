import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Fingerprint } from './fingerprint.ts'
import { noRun } from './runs.ts'
import type { PipelineView, StepLogPart, Why } from './schema.ts'
import { logPath, readGrowingLog } from './step-log.ts'
import {
  findExecution,
  findRunRow,
  findStepRunRow,
  listAttempts,
  listExecutionsOfStep,
  listPipelineRows,
  toPipeline,
} from './store.ts'
import type { ExecutionRow, StepRunRow } from './tables.ts'
import { differences, distance } from './why.ts'

const COMPARED = 50

export async function listPipelines(
  { db }: Pick<Context, 'db'>,
  { projectId, actor }: Caller,
): Promise<PipelineView[]> {
  requirePermission(actor, 'view', projectId)
  return (await listPipelineRows(db.read, projectId)).map(toPipeline)
}

type OfStep = Caller & { runId: string; stepRunId: string }

/** The log of a step's last attempt from a byte on; while it runs, as far as it is written on this machine. */
export async function readStepLog(
  { db, config, artifacts }: Pick<Context, 'db' | 'config' | 'artifacts'>,
  input: OfStep & { after: number },
): Promise<StepLogPart> {
  const step = await getStep({ db }, input)
  const attempts = step.execution_id === null ? [] : await listAttempts(db.read, step.execution_id)
  const last = attempts.at(-1)
  if (!last) return { text: '', next: input.after, complete: step.finished_ms !== null }
  const bytes =
    last.log_sha256 === null
      ? await readGrowingLog(logPath(config, last.execution_id, last.number), input.after)
      : Buffer.from(await artifacts.bytes(last.log_sha256)).subarray(input.after)
  return {
    text: bytes.toString('utf8'),
    next: input.after + bytes.length,
    complete: last.log_sha256 !== null,
  }
}

/** Why a step ran, held against the most similar earlier execution; or why it was reused. */
export async function whyStep({ db }: Pick<Context, 'db'>, input: OfStep): Promise<Why> {
  const step = await getStep({ db }, input)
  const execution = step.execution_id === null ? undefined : await findExecution(db.read, step.execution_id)
  if (!execution) {
    return {
      sentence: `${step.name} has not come to run: ${step.error ?? step.state}`,
      changes: [],
      differences: [],
      comparedTo: null,
    }
  }
  if (step.cached === 1) {
    const sentence = `${step.name} was reused: everything its result depends on is the same as in execution ${execution.id}`
    return { sentence, changes: [], differences: [], comparedTo: execution.id }
  }
  const earlier = await listExecutionsOfStep(db.read, {
    projectId: input.projectId,
    stepName: step.name,
    before: execution.id,
    limit: COMPARED,
  })
  return explain(step, execution, earlier)
}

function explain(step: StepRunRow, execution: ExecutionRow, earlier: readonly ExecutionRow[]): Why {
  const now = JSON.parse(execution.fingerprint_json) as Fingerprint
  const candidates = earlier.map((row) => {
    const before = JSON.parse(row.fingerprint_json) as Fingerprint
    return { row, before, distance: distance(before, now) }
  })
  const nearest = candidates.sort((a, b) => a.distance - b.distance)[0]
  if (!nearest) {
    return {
      sentence: `${step.name} ran: it never ran before in this project`,
      changes: [],
      differences: [],
      comparedTo: null,
    }
  }
  const changed = differences(nearest.before, now)
  const comparedTo = nearest.row.id
  if (changed.length > 0) {
    const changes = changed.map(({ sentence }) => sentence)
    return {
      sentence:
        changes.length === 1
          ? `${step.name} ran because ${changes[0]}`
          : `${step.name} ran because ${changes.length} things that its result depends on changed`,
      changes,
      differences: changed,
      comparedTo,
    }
  }
  const reason = {
    failed: 'the earlier execution failed',
    cancelled: 'the earlier execution was cancelled',
    running: 'the earlier execution had not ended',
    succeeded: 'the earlier result could not be reused: it is not cached, too old, or its files are gone',
  }[nearest.row.state]
  return {
    sentence: `${step.name} ran again though nothing changed: ${reason}`,
    changes: [],
    differences: [],
    comparedTo,
  }
}

async function getStep(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId, stepRunId }: OfStep,
): Promise<StepRunRow> {
  requirePermission(actor, 'view', projectId)
  const run = await findRunRow(db.read, runId)
  if (run?.project_id !== projectId) throw noRun(runId)
  const step = await findStepRunRow(db.read, stepRunId)
  if (step?.run_id === runId) return step
  throw new AppError('not_found', `The pipeline run ${runId} has no step ${stepRunId}`)
}
