/** One hour of one version behind a deployment whose sample was checked: the key that makes checking it idempotent. */
export interface SkewWindowRow {
  project_id: string
  deployment: string
  model: string
  version: number
  start_ms: number
  /** Rows of the hour, and how many of them were computed again. */
  rows: number
  sampled: number
  /** Why nothing could be computed again. */
  problem: string | null
  at_ms: number
  created_ms: number
}

/** One feature in one hour. `checked` counts what agrees, what differs, and what is explained by data that came later. */
export interface SkewCountRow {
  project_id: string
  deployment: string
  model: string
  version: number
  start_ms: number
  feature: string
  /** The view or the on-demand feature. */
  source: string
  checked: number
  mismatched: number
  late: number
  /** Differs, and what was online at that time is no longer known. */
  unchecked: number
  examples_json: string
}

export interface SkewTables {
  skew_window: SkewWindowRow
  skew_count: SkewCountRow
}
