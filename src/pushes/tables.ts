/** Rows that were pushed and acknowledged, as a Parquet blob; `version_id` is the version that they became part of. */
export interface DatasetPushRow {
  id: string
  project_id: string
  dataset_id: string
  key: string
  content_hash: string
  sha256: string
  size_bytes: number
  rows: number
  version_id: string | null
  actor_id: string
  actor_name: string
  created_ms: number
}

export interface PushesTables {
  dataset_push: DatasetPushRow
}
