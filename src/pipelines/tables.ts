/** A pipeline as the newest project version declares it; `active` is 0 when that version no longer has it. */
export interface PipelineRow {
  project_id: string
  name: string
  definition_json: string
  project_version_id: string
  active: number
  created_ms: number
}

/** What the runs of one project version need: the code, and the steps in JSON. */
export interface PipelineCodeRow {
  project_version_id: string
  project_id: string
  snapshot_sha256: string
  dependencies: string | null
  steps_json: string
  created_ms: number
}

export interface PipelineRunRow {
  id: string
  project_id: string
  pipeline: string
  project_version_id: string
  snapshot_sha256: string
  params_json: string
  cause_json: string
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
  cancel_requested: number
  error: string | null
  tracking_run_id: string | null
  actor_id: string
  /** Domain time of the start. */
  at_ms: number
  created_ms: number
  started_ms: number | null
  finished_ms: number | null
}

/** What `latest` and `champion` resolved to when the run first asked. */
interface RunPinRow {
  run_id: string
  kind: 'dataset' | 'champion'
  name: string
  project_id: string
  value_json: string
  /** Of the dataset version or the model version, and its content; null when there was none to pin. */
  pinned_id: string | null
  pinned_sha256: string | null
  created_ms: number
}

export interface StepRunRow {
  id: string
  project_id: string
  run_id: string
  /** The hash of step, params and where the inputs come from: the same whenever the run is recovered. */
  call_key: string
  position: number
  step_id: string
  name: string
  kind: string
  state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled'
  cached: number
  execution_id: string | null
  params_json: string
  /** Ids of step runs whose outputs it takes. */
  upstream_json: string
  error: string | null
  created_ms: number
  started_ms: number | null
  finished_ms: number | null
}

export interface ExecutionRow {
  id: string
  project_id: string
  step_name: string
  fingerprint: string
  fingerprint_json: string
  /** Of the lock file that the step runs under, or of the list of several. */
  environment_sha256: string | null
  /** Unique in a project: of all executions with a key, one runs or has the result. Freed when it can't be used again. */
  cache_key: string | null
  project_version_id: string
  step_id: string
  inputs_json: string
  params_json: string
  /** Of the run that asked first. */
  run_id: string
  job_id: string | null
  state: 'running' | 'succeeded' | 'failed' | 'cancelled'
  outputs_json: string | null
  error: string | null
  tracking_run_id: string | null
  created_ms: number
  finished_ms: number | null
}

export interface AttemptRow {
  execution_id: string
  /** The job's fencing token. */
  number: number
  project_id: string
  state: 'running' | 'succeeded' | 'failed' | 'lost' | 'cancelled'
  error: string | null
  log_sha256: string | null
  checkpoint_sha256: string | null
  created_ms: number
  finished_ms: number | null
}

interface ArtifactRow {
  execution_id: string
  name: string
  project_id: string
  kind: 'table' | 'model' | 'json'
  /** The content hash that stands for it in fingerprints. */
  sha256: string
  size_bytes: number
  created_ms: number
}

export interface EffectRow {
  id: string
  project_id: string
  run_id: string
  kind: 'register' | 'deploy'
  effect_key: string
  input_json: string
  state: 'requested' | 'done' | 'failed'
  result_json: string | null
  created_ms: number
  finished_ms: number | null
}

export interface PipelineTriggerRow {
  id: string
  project_id: string
  pipeline: string
  kind: string
  /** The dataset or deployment it listens to; empty for cron. */
  subject: string
  spec_json: string
  active: number
  accumulated_rows: number
  /** Domain times. */
  last_tick_ms: number | null
  last_started_ms: number | null
  /** A cause that was held back and may start the pipeline when nothing holds it any more. */
  pending_json: string | null
  created_ms: number
}

export interface TriggerFireRow {
  trigger_id: string
  cause_event: string
  project_id: string
  outcome: 'started' | 'held'
  run_id: string | null
  decision_id: string
  /** Domain time. */
  at_ms: number
  created_ms: number
}

/** An open alert that forbids training for a deployment. */
export interface TrainingBlockRow {
  alert_id: string
  project_id: string
  deployment: string
  sentence: string
  created_ms: number
}

export interface PipelinesTables {
  pipeline: PipelineRow
  pipeline_code: PipelineCodeRow
  pipeline_run: PipelineRunRow
  run_pin: RunPinRow
  step_run: StepRunRow
  execution: ExecutionRow
  attempt: AttemptRow
  artifact: ArtifactRow
  effect: EffectRow
  pipeline_trigger: PipelineTriggerRow
  trigger_fire: TriggerFireRow
  training_block: TrainingBlockRow
}
