import type { Queryable } from '../ports/db/db.ts'
import { blobsOf, type Outputs } from './schema.ts'

/** Every blob that code, results, logs and checkpoints refer to, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const code = await at.selectFrom('pipeline_code').select('snapshot_sha256').distinct().execute()
  const attempts = await at.selectFrom('attempt').select(['log_sha256', 'checkpoint_sha256']).execute()
  const executions = await at
    .selectFrom('execution')
    .select(['inputs_json', 'outputs_json'])
    .where((eb) => eb.or([eb('outputs_json', 'is not', null), eb('state', '=', 'running')]))
    .execute()
  const values = executions.flatMap((row) =>
    [row.inputs_json, row.outputs_json ?? '{}'].flatMap((json) => Object.values(JSON.parse(json) as Outputs)),
  )
  return [
    ...code.map((row) => row.snapshot_sha256),
    ...attempts.flatMap((row) => [row.log_sha256, row.checkpoint_sha256]).filter((hash) => hash !== null),
    ...values.flatMap(blobsOf),
  ]
}

/** Of these tracking runs, those that a pipeline run or a step has written, with what that is. */
export async function listTrackedRuns(
  at: Queryable,
  ids: readonly string[],
): Promise<{ id: string; what: string }[]> {
  if (ids.length === 0) return []
  const runs = await at
    .selectFrom('pipeline_run')
    .select(['id', 'pipeline', 'tracking_run_id'])
    .where('tracking_run_id', 'in', ids)
    .execute()
  const executions = await at
    .selectFrom('execution')
    .select(['step_id', 'tracking_run_id'])
    .where('tracking_run_id', 'in', ids)
    .execute()
  return [
    ...runs.map((run) => ({ id: run.tracking_run_id!, what: `a run of pipeline ${run.pipeline}` })),
    ...executions.map((step) => ({
      id: step.tracking_run_id!,
      what: `an execution of step ${step.step_id}`,
    })),
  ]
}

/** Of these dataset versions, those that a run has pinned; a run that has ended counts when it began at that domain time or later. */
export async function listDatasetVersionUses(
  at: Queryable,
  ids: readonly string[],
  endedRunsFromMs = 0,
): Promise<{ id: string; what: string }[]> {
  const rows = await at
    .selectFrom('run_pin')
    .innerJoin('pipeline_run', 'pipeline_run.id', 'run_pin.run_id')
    .select(['run_pin.pinned_id', 'pipeline_run.pipeline'])
    .distinct()
    .where('run_pin.kind', '=', 'dataset')
    .where('run_pin.pinned_id', 'in', ids)
    .where((eb) =>
      eb.or([eb('pipeline_run.finished_ms', 'is', null), eb('pipeline_run.at_ms', '>=', endedRunsFromMs)]),
    )
    .execute()
  return rows.map(({ pinned_id, pipeline }) => ({ id: pinned_id!, what: `a run of pipeline ${pipeline}` }))
}
