/** What people wrote on the card of a version; the highest revision counts. */
export interface ModelCardRow {
  model_version_id: string
  revision: number
  project_id: string
  sections_json: string
  author_id: string
  author_name: string
  created_ms: number
}

export interface CardsTables {
  model_card: ModelCardRow
}
