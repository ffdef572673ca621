import type { Queryable, Trx } from '../ports/db/db.ts'
import type { PipelineDefinition } from '../steps/schema.ts'
import type { StepDefinition } from '../steps/definition.ts'
import type { Effect, Output, Outputs, Pin, PipelineRun, StepRun } from './schema.ts'
import type {
  AttemptRow,
  EffectRow,
  ExecutionRow,
  PipelineCodeRow,
  PipelineRow,
  PipelineRunRow,
  StepRunRow,
} from './tables.ts'

export async function upsertPipeline(trx: Trx, row: PipelineRow): Promise<void> {
  const { project_id: _project, name: _name, created_ms: _created, ...change } = row
  await trx
    .insertInto('pipeline')
    .values(row)
    .onConflict((conflict) => conflict.columns(['project_id', 'name']).doUpdateSet(change))
    .execute()
}

export async function deactivatePipelines(
  trx: Trx,
  projectId: string,
  except: readonly string[],
): Promise<void> {
  await trx
    .updateTable('pipeline')
    .set({ active: 0 })
    .where('project_id', '=', projectId)
    .$if(except.length > 0, (query) => query.where('name', 'not in', except))
    .execute()
}

export async function findPipelineRow(
  at: Queryable,
  projectId: string,
  name: string,
): Promise<PipelineRow | undefined> {
  return await at
    .selectFrom('pipeline')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .where('active', '=', 1)
    .executeTakeFirst()
}

export async function listPipelineRows(at: Queryable, projectId: string): Promise<PipelineRow[]> {
  return await at
    .selectFrom('pipeline')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('active', '=', 1)
    .orderBy('name')
    .execute()
}

export async function insertPipelineCode(trx: Trx, row: PipelineCodeRow): Promise<void> {
  await trx
    .insertInto('pipeline_code')
    .values(row)
    .onConflict((conflict) => conflict.column('project_version_id').doNothing())
    .execute()
}

export interface PipelineCode {
  snapshot: string
  dependencies: string | undefined
  steps: ReadonlyMap<string, StepDefinition>
}

export async function getPipelineCode(at: Queryable, projectVersionId: string): Promise<PipelineCode> {
  const row = await at
    .selectFrom('pipeline_code')
    .selectAll()
    .where('project_version_id', '=', projectVersionId)
    .executeTakeFirstOrThrow()
  const steps = JSON.parse(row.steps_json) as StepDefinition[]
  return {
    snapshot: row.snapshot_sha256,
    dependencies: row.dependencies ?? undefined,
    steps: new Map(steps.map((step) => [step.id, step])),
  }
}

export async function insertRun(trx: Trx, row: PipelineRunRow): Promise<void> {
  await trx.insertInto('pipeline_run').values(row).execute()
}

export async function findRunRow(at: Queryable, id: string): Promise<PipelineRunRow | undefined> {
  return await at.selectFrom('pipeline_run').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function updateRun(trx: Trx, id: string, change: Partial<PipelineRunRow>): Promise<void> {
  await trx.updateTable('pipeline_run').set(change).where('id', '=', id).execute()
}

/** Newest first; `before` is the id of the last run of the page before. */
export async function listRunRows(
  at: Queryable,
  filter: { projectId: string; pipeline?: string | undefined; limit: number; before?: string | undefined },
): Promise<PipelineRunRow[]> {
  const { pipeline, before } = filter
  return await at
    .selectFrom('pipeline_run')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .$if(pipeline !== undefined, (query) => query.where('pipeline', '=', pipeline!))
    .$if(before !== undefined, (query) => query.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(filter.limit)
    .execute()
}

/** The pin that the run has from now on: the given one, or the one that it had before. */
export async function insertPin(
  trx: Trx,
  { runId, projectId, pin, nowMs }: { runId: string; projectId: string; pin: Pin; nowMs: number },
): Promise<Pin> {
  await trx
    .insertInto('run_pin')
    .values({
      run_id: runId,
      kind: pin.kind,
      name: pin.name,
      project_id: projectId,
      value_json: JSON.stringify(pin.value),
      pinned_id: textOr(pin.value['id']),
      pinned_sha256: textOr((pin.value['output'] as { sha256?: unknown } | undefined)?.sha256),
      created_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['run_id', 'kind', 'name']).doNothing())
    .execute()
  return (await findPin(trx, { runId, kind: pin.kind, name: pin.name }))!
}

function textOr(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

export async function findPin(
  at: Queryable,
  { runId, kind, name }: { runId: string; kind: Pin['kind']; name: string },
): Promise<Pin | undefined> {
  const row = await at
    .selectFrom('run_pin')
    .select('value_json')
    .where('run_id', '=', runId)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirst()
  return row && { kind, name, value: JSON.parse(row.value_json) as Pin['value'] }
}

export async function listPins(at: Queryable, runId: string): Promise<Pin[]> {
  const rows = await at
    .selectFrom('run_pin')
    .selectAll()
    .where('run_id', '=', runId)
    .orderBy('name')
    .execute()
  return rows.map(({ kind, name, value_json }) => ({
    kind,
    name,
    value: JSON.parse(value_json) as Pin['value'],
  }))
}

export async function upsertStepRun(trx: Trx, row: StepRunRow): Promise<void> {
  const { state, cached, execution_id, upstream_json, error, started_ms, finished_ms } = row
  await trx
    .insertInto('step_run')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['run_id', 'call_key'])
        .doUpdateSet({ state, cached, execution_id, upstream_json, error, started_ms, finished_ms }),
    )
    .execute()
}

export async function listStepRunRows(at: Queryable, runId: string): Promise<StepRunRow[]> {
  return await at.selectFrom('step_run').selectAll().where('run_id', '=', runId).orderBy('position').execute()
}

export async function findStepRunRow(at: Queryable, id: string): Promise<StepRunRow | undefined> {
  return await at.selectFrom('step_run').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Step runs that still wait for an execution. */
export async function countWaiters(at: Queryable, executionId: string): Promise<number> {
  const { count } = await at
    .selectFrom('step_run')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('execution_id', '=', executionId)
    .where('state', '=', 'running')
    .executeTakeFirstOrThrow()
  return count
}

export async function findExecutionByKey(
  at: Queryable,
  projectId: string,
  cacheKey: string,
): Promise<ExecutionRow | undefined> {
  return await at
    .selectFrom('execution')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('cache_key', '=', cacheKey)
    .executeTakeFirst()
}

export async function findExecution(at: Queryable, id: string): Promise<ExecutionRow | undefined> {
  return await at.selectFrom('execution').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function listEndedExecutions(at: Queryable, ids: readonly string[]): Promise<ExecutionRow[]> {
  if (ids.length === 0) return []
  return await at
    .selectFrom('execution')
    .selectAll()
    .where('id', 'in', ids)
    .where('state', '!=', 'running')
    .execute()
}

export async function listCancelledRuns(at: Queryable, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await at
    .selectFrom('pipeline_run')
    .select('id')
    .where('id', 'in', ids)
    .where('cancel_requested', '=', 1)
    .execute()
  return rows.map((row) => row.id)
}

export async function insertExecution(trx: Trx, row: ExecutionRow): Promise<void> {
  await trx.insertInto('execution').values(row).execute()
}

/** Changes an execution that is still running; false when it has ended. */
export async function endExecution(trx: Trx, id: string, change: Partial<ExecutionRow>): Promise<boolean> {
  const row = await trx
    .updateTable('execution')
    .set(change)
    .where('id', '=', id)
    .where('state', '=', 'running')
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** The result can't be used any more: the next call with the same key runs again. */
export async function freeCacheKey(trx: Trx, id: string): Promise<void> {
  await trx.updateTable('execution').set({ cache_key: null }).where('id', '=', id).execute()
}

export async function setExecutionTracking(trx: Trx, id: string, trackingRunId: string): Promise<void> {
  await trx.updateTable('execution').set({ tracking_run_id: trackingRunId }).where('id', '=', id).execute()
}

/** Earlier executions of a step, newest first. */
export async function listExecutionsOfStep(
  at: Queryable,
  {
    projectId,
    stepName,
    before,
    limit,
  }: { projectId: string; stepName: string; before: string; limit: number },
): Promise<ExecutionRow[]> {
  return await at
    .selectFrom('execution')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('step_name', '=', stepName)
    .where('id', '<', before)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

export async function insertAttempt(trx: Trx, row: AttemptRow): Promise<void> {
  await trx.insertInto('attempt').values(row).execute()
}

export async function listAttempts(at: Queryable, executionId: string): Promise<AttemptRow[]> {
  return await at
    .selectFrom('attempt')
    .selectAll()
    .where('execution_id', '=', executionId)
    .orderBy('number')
    .execute()
}

export async function countAttempts(
  at: Queryable,
  executionIds: readonly string[],
): Promise<Map<string, number>> {
  if (executionIds.length === 0) return new Map()
  const rows = await at
    .selectFrom('attempt')
    .select((eb) => ['execution_id', eb.fn.countAll<number>().as('count')])
    .where('execution_id', 'in', executionIds)
    .groupBy('execution_id')
    .execute()
  return new Map(rows.map((row) => [row.execution_id, row.count]))
}

export async function updateAttempt(
  trx: Trx,
  { executionId, number }: { executionId: string; number: number },
  change: Partial<AttemptRow>,
): Promise<void> {
  await trx
    .updateTable('attempt')
    .set(change)
    .where('execution_id', '=', executionId)
    .where('number', '=', number)
    .execute()
}

/** An attempt whose worker died never said how it ended. */
export async function loseAttempts(trx: Trx, executionId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('attempt')
    .set({ state: 'lost', error: 'The worker died during the attempt', finished_ms: nowMs })
    .where('execution_id', '=', executionId)
    .where('state', '=', 'running')
    .execute()
}

export async function insertArtifact(
  trx: Trx,
  artifact: {
    executionId: string
    projectId: string
    name: string
    output: Output
    sizeBytes: number
    nowMs: number
  },
): Promise<void> {
  await trx
    .insertInto('artifact')
    .values({
      execution_id: artifact.executionId,
      name: artifact.name,
      project_id: artifact.projectId,
      kind: artifact.output.kind,
      sha256: artifact.output.sha256,
      size_bytes: artifact.sizeBytes,
      created_ms: artifact.nowMs,
    })
    .execute()
}

/** False when the run has asked for this very effect before. */
export async function insertEffect(trx: Trx, row: EffectRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('effect')
    .values(row)
    .onConflict((conflict) => conflict.columns(['run_id', 'kind', 'effect_key']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return inserted !== undefined
}

export async function findEffectRow(at: Queryable, id: string): Promise<EffectRow | undefined> {
  return await at.selectFrom('effect').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function listEffectRows(at: Queryable, runId: string): Promise<EffectRow[]> {
  return await at.selectFrom('effect').selectAll().where('run_id', '=', runId).orderBy('id').execute()
}

/** Undefined when the effect was settled before. */
export async function settleEffect(
  trx: Trx,
  id: string,
  change: Pick<EffectRow, 'state' | 'result_json' | 'finished_ms'>,
): Promise<EffectRow | undefined> {
  return await trx
    .updateTable('effect')
    .set(change)
    .where('id', '=', id)
    .where('state', '=', 'requested')
    .returningAll()
    .executeTakeFirst()
}

export async function listBlobRows(
  at: Queryable,
  hashes: readonly string[],
): Promise<{ sha256: string; condemned_ms: number | null }[]> {
  return await at
    .selectFrom('blob')
    .select(['sha256', 'condemned_ms'])
    .where('sha256', 'in', hashes)
    .execute()
}

export function toPipeline(row: PipelineRow): PipelineDefinition & { projectVersionId: string } {
  return {
    ...(JSON.parse(row.definition_json) as PipelineDefinition),
    projectVersionId: row.project_version_id,
  }
}

export function toRun(row: PipelineRunRow): PipelineRun {
  return {
    id: row.id,
    pipeline: row.pipeline,
    projectVersionId: row.project_version_id,
    snapshot: row.snapshot_sha256,
    params: JSON.parse(row.params_json) as PipelineRun['params'],
    cause: JSON.parse(row.cause_json) as PipelineRun['cause'],
    state: row.state,
    error: row.error,
    trackingRunId: row.tracking_run_id,
    actor: row.actor_id,
    atMs: row.at_ms,
    createdMs: row.created_ms,
    startedMs: row.started_ms,
    finishedMs: row.finished_ms,
  }
}

export function toStepRun(row: StepRunRow, execution: ExecutionRow | undefined, attempts: number): StepRun {
  return {
    id: row.id,
    name: row.name,
    stepId: row.step_id,
    kind: row.kind,
    state: row.state,
    cached: row.cached === 1,
    params: JSON.parse(row.params_json) as StepRun['params'],
    inputs: JSON.parse(row.upstream_json) as string[],
    attempts,
    outputs: outputsOf(execution),
    executionId: row.execution_id,
    trackingRunId: execution?.tracking_run_id ?? null,
    error: row.error,
    createdMs: row.created_ms,
    startedMs: row.started_ms,
    finishedMs: row.finished_ms,
  }
}

export function outputsOf(execution: ExecutionRow | undefined): Outputs {
  return JSON.parse(execution?.outputs_json ?? '{}') as Outputs
}

export function toEffect(row: EffectRow): Effect {
  return {
    id: row.id,
    projectId: row.project_id,
    runId: row.run_id,
    kind: row.kind,
    input: JSON.parse(row.input_json) as Effect['input'],
    state: row.state,
    result: row.result_json === null ? null : (JSON.parse(row.result_json) as Effect['result']),
    createdMs: row.created_ms,
    finishedMs: row.finished_ms,
  }
}
