export type Lifecycle = 'active' | 'deleted'
export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED'

export interface ExperimentRow {
  /** A number as text, unique across the server. */
  id: string
  project_id: string
  name: string
  /** 1 for the experiment that `0` means in this project. */
  is_default: number
  artifact_location: string
  lifecycle: Lifecycle
  created_ms: number
  updated_ms: number
}

/** One row: the last experiment id given out. */
interface ExperimentCounterRow {
  id: string
  project_id: string
  value: number
}

interface ExperimentTagRow {
  experiment_id: string
  key: string
  project_id: string
  value: string
}

export interface RunRow {
  /** 32 hex digits. */
  id: string
  project_id: string
  experiment_id: string
  name: string
  user_id: string
  status: RunStatus
  start_ms: number
  end_ms: number | null
  artifact_uri: string
  parent_run_id: string | null
  lifecycle: Lifecycle
  deleted_ms: number | null
  created_ms: number
  /** Wall time of the last run.changed event. */
  announced_ms: number
}

interface RunValueRow {
  run_id: string
  key: string
  project_id: string
  experiment_id: string
  value: string
}

/** A NaN is stored as value 0 with `is_nan` 1; infinities as themselves. */
export interface RunMetricRow {
  run_id: string
  key: string
  timestamp_ms: number
  step: number
  value: number
  is_nan: number
  project_id: string
}

/** The greatest (step, timestamp, value) of each key. */
interface RunMetricLatestRow extends RunMetricRow {
  experiment_id: string
}

interface RunDatasetRow {
  id: string
  project_id: string
  experiment_id: string
  name: string
  digest: string
  source_type: string
  source: string
  schema: string | null
  profile: string | null
  created_ms: number
}

interface RunInputRow {
  run_id: string
  dataset_id: string
  project_id: string
  /** What the run used the dataset for, such as `training`. */
  context: string | null
  tags_json: string
  created_ms: number
}

interface RunModelRow {
  run_id: string
  direction: 'input' | 'output'
  logged_model_id: string
  project_id: string
  step: number
  created_ms: number
}

export interface LoggedModelRow {
  /** `m-` and 32 hex digits. */
  id: string
  project_id: string
  experiment_id: string
  name: string
  model_type: string | null
  source_run_id: string | null
  status: LoggedModelStatus
  artifact_uri: string
  lifecycle: Lifecycle
  created_ms: number
  updated_ms: number
}

export type LoggedModelStatus = 'PENDING' | 'READY' | 'UPLOAD_FAILED'

interface LoggedModelValueRow {
  logged_model_id: string
  key: string
  project_id: string
  value: string
}

export interface LoggedModelMetricRow {
  logged_model_id: string
  key: string
  /** Empty when the metric names no dataset. */
  dataset_name: string
  dataset_digest: string
  run_id: string
  project_id: string
  step: number
  timestamp_ms: number
  value: number
  is_nan: number
}

/** A file below the project's artifact root; its bytes are the blob. */
export interface ArtifactFileRow {
  project_id: string
  path: string
  sha256: string
  size_bytes: number
  created_ms: number
}

/** An upload in parts. A completed one is kept until it expires, so that completing it again is no error. */
export interface ArtifactUploadRow {
  id: string
  project_id: string
  path: string
  /** How many parts it has. */
  parts: number
  state: 'open' | 'completed'
  /** Wall time. */
  expires_ms: number
}

/** The last content that was sent for a part. */
export interface ArtifactUploadPartRow {
  upload_id: string
  /** From 1. */
  number: number
  project_id: string
  sha256: string
  size_bytes: number
}

interface ArtifactSigningKeyRow {
  project_id: string
  key_hex: string
}

/** A word that a run is found by, and the tag that has it. */
interface RunWordRow {
  run_id: string
  key: string
  word: string
  project_id: string
}

export interface TrackingTables {
  experiment: ExperimentRow
  experiment_counter: ExperimentCounterRow
  experiment_tag: ExperimentTagRow
  run: RunRow
  run_param: RunValueRow
  run_tag: RunValueRow
  run_word: RunWordRow
  run_metric: RunMetricRow
  run_metric_latest: RunMetricLatestRow
  run_dataset: RunDatasetRow
  run_input: RunInputRow
  run_model: RunModelRow
  logged_model: LoggedModelRow
  logged_model_param: LoggedModelValueRow
  logged_model_tag: LoggedModelValueRow
  logged_model_metric: LoggedModelMetricRow
  artifact_file: ArtifactFileRow
  artifact_upload: ArtifactUploadRow
  artifact_upload_part: ArtifactUploadPartRow
  artifact_signing_key: ArtifactSigningKeyRow
}
