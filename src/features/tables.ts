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

export interface FeaturesTables {
  feature_definition: FeatureDefinitionRow
  feature_view: FeatureViewRow
}
