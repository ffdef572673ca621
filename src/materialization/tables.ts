export interface FeatureMaterializationRow {
  project_id: string
  view: string
  definition_hash: string
  /** Domain time up to which the online store holds the view's values. */
  cursor_ms: number
  dataset_version_id: string
  rows: number
  newest_event_ms: number | null
  /** Domain time from which the dataset's version has more to give; null when it is used up. */
  next_event_ms: number | null
  /** What the online store must know as finished to have all values up to the cursor. */
  online_mark: string | null
  updated_ms: number
  created_ms: number
}

/** What the online store held from some moment of domain time on: the view of this version, up to `cursor_ms`. */
export interface FeatureMaterializationHistoryRow {
  project_id: string
  view: string
  definition_hash: string
  cursor_ms: number
  dataset_version_id: string
  at_ms: number
  newest_event_ms: number | null
  created_ms: number
}

/** How a view's values were distributed in (from_ms, to_ms], computed by a worker. */
interface FeatureSummaryRow {
  project_id: string
  view: string
  definition_hash: string
  to_ms: number
  from_ms: number
  dataset_version_id: string
  rows: number
  keys: number
  summary_json: string
  created_ms: number
}

export interface MaterializationTables {
  feature_materialization: FeatureMaterializationRow
  feature_materialization_history: FeatureMaterializationHistoryRow
  feature_summary: FeatureSummaryRow
}
