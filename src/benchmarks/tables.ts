export interface BenchmarkRow {
  id: string
  project_id: string
  name: string
  description: string
  definition_json: string
  daily_limit: number
  state: 'preparing' | 'open' | 'closed' | 'failed'
  error: string | null
  /** What is known of the holdout once it is prepared: rows, blocks, columns. */
  holdout_json: string | null
  holdout_sha256: string | null
  /** The holdout without its label, when anyone may have it. */
  features_sha256: string | null
  /** What was uploaded; kept until the holdout is made of it. */
  source_sha256: string | null
  /** The dataset version that the holdout is made of. */
  dataset_version_id: string | null
  submissions: number
  /** How many were evaluated; numbers the evaluations. */
  evaluated: number
  standings_json: string
  /** The number of evaluations that the standings were made of. */
  standings_of: number
  created_by: string
  created_ms: number
  updated_ms: number
}

export interface SubmissionRow {
  id: string
  project_id: string
  benchmark_id: string
  /** Who stands on the leaderboard: the id of the actor, or `team:<name>`. */
  participant: string
  participant_name: string
  /** Who asked, for whomever. */
  actor_id: string
  /** As people call what was submitted. */
  label: string
  model_version_id: string | null
  predictions_sha256: string | null
  predictions_format: 'parquet' | 'csv' | null
  /** Of what decides the scores. */
  content_sha256: string
  /** On the day on which it was asked for last. */
  tries: number
  state: 'queued' | 'done' | 'failed'
  error: string | null
  /** The sums by block of one that improved; never shown. */
  blocks_json: string | null
  /** What is shown of it; null for one that did not improve. */
  released_json: string | null
  evaluated_as: number | null
  asked_ms: number
  created_ms: number
  finished_ms: number | null
}

export interface BenchmarksTables {
  benchmark: BenchmarkRow
  benchmark_submission: SubmissionRow
}
