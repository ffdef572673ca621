export interface SavedViewRow {
  id: string
  project_id: string
  page: string
  name: string
  query: string
  actor_id: string
  created_ms: number
}

export interface ComparingTables {
  saved_view: SavedViewRow
}
