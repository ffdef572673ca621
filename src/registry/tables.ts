export interface RegisteredModelRow {
  id: string
  project_id: string
  name: string
  description: string
  task: string | null
  /** The gates that the project declares for it; null when it declares none. */
  gates_json: string | null
  /** A user's name, or `team:<name>`. */
  owner: string | null
  /** The last version number given out; survives deletion, so that a number is never used again. */
  last_version: number
  deleted_ms: number | null
  created_ms: number
  updated_ms: number
}

interface RegisteredModelTagRow {
  model_id: string
  key: string
  project_id: string
  value: string
}

export interface ModelAliasRow {
  model_id: string
  alias: string
  project_id: string
  version: number
  updated_ms: number
  /** Who pointed it there; null for one from before this was kept. */
  set_by: string | null
  /** The promotion that pointed it there. */
  promotion_id: string | null
}

/** An alias that moves only by an approved promotion. */
export interface AliasProtectionRow {
  model_id: string
  alias: string
  project_id: string
  policy_json: string
  /** 1 when the project declares it, 0 when it was set by hand. */
  declared: number
  created_ms: number
  updated_ms: number
}

export type Stage = 'None' | 'Staging' | 'Production' | 'Archived'

export interface ModelVersionRow {
  id: string
  project_id: string
  model_id: string
  version: number
  /** Given by an effect that may run again: the same key names the same version. */
  registration_key: string | null
  stage: Stage
  description: string
  source: string
  /** Where the files are, when the source is only a reference to them. */
  storage_location: string | null
  run_id: string | null
  run_link: string | null
  logged_model_id: string | null
  created_by: string
  task: string | null
  signature_json: string | null
  onnx_sha256: string | null
  feature_service_json: string | null
  /** Name and content of the service: versions that share it have the same. */
  feature_service_id: string | null
  code_snapshot: string | null
  layout_sha256: string | null
  /** What was found when an ONNX file was imported. */
  import_json: string | null
  /** Why it can't be served. */
  problem: string | null
  /** The files of an MLflow pyfunc model, which a Python process serves. */
  python_json: string | null
  dataset_version_id: string | null
  pipeline_run_id: string | null
  execution_id: string | null
  project_version_id: string | null
  deleted_ms: number | null
  created_ms: number
  updated_ms: number
}

/** The views that a feature service of some version takes from; both by name and content. */
interface ServedViewRow {
  project_id: string
  service_id: string
  view_id: string
}

interface ModelVersionTagRow {
  model_version_id: string
  key: string
  project_id: string
  value: string
}

export interface EvaluationRow {
  id: string
  project_id: string
  model_id: string
  /** SHA-256 of the holdout; results are comparable where it is equal. */
  holdout_digest: string
  document_json: string
  code_version: string
  created_ms: number
}

export interface EvaluationSubjectRow {
  evaluation_id: string
  ordinal: number
  project_id: string
  role: string
  model_version_id: string | null
}

export interface GateResultRow {
  id: string
  project_id: string
  model_version_id: string
  evaluation_id: string
  decision_id: string
  verdict: string
  sentence: string
  results_json: string
  injected: number
  created_ms: number
}

/** Bytes that a client sent ahead of a request that names them. */
export interface UploadRow {
  id: string
  project_id: string
  sha256: string
  size_bytes: number
  created_ms: number
}

export interface RegistryTables {
  registered_model: RegisteredModelRow
  registered_model_tag: RegisteredModelTagRow
  model_alias: ModelAliasRow
  alias_protection: AliasProtectionRow
  model_version: ModelVersionRow
  served_view: ServedViewRow
  model_version_tag: ModelVersionTagRow
  evaluation: EvaluationRow
  evaluation_subject: EvaluationSubjectRow
  gate_result: GateResultRow
  upload: UploadRow
}
