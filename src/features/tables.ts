export interface FeatureDefinitionRow {
  project_id: string
  kind: 'entity' | 'view' | 'on_demand' | 'service'
  name: string
  /** Of a service: its complete specification. */
  definition_json: string
  /** Owner, description, tags, and what each feature means; null in rows from before these. */
  about_json: string | null
  /** Of an on-demand feature: the code that it is loaded from. */
  code_snapshot: string | null
  created_ms: number
}

/** One definition of a view. Those that were current once are kept up to date until they are retired. */
export interface FeatureViewRow {
  project_id: string
  name: string
  definition_hash: string
  spec_json: string
  current: number
  retired: number
  /** Of a view by a row function: the code that it is loaded from. */
  code_snapshot: string | null
  created_ms: number
}

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

export interface FeaturesTables {
  feature_definition: FeatureDefinitionRow
  feature_view: FeatureViewRow
  feature_materialization: FeatureMaterializationRow
  feature_materialization_history: FeatureMaterializationHistoryRow
  feature_summary: FeatureSummaryRow
}
