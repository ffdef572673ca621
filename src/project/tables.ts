/** An immutable set of definitions and the code behind it. */
export interface ProjectVersionRow {
  id: string
  project_id: string
  number: number
  /** Of definitions and code: applying the same again makes no new version. */
  digest: string
  definition_json: string
  snapshot_sha256: string
  actor_id: string
  created_ms: number
  /** When every room had taken it over; null when that was interrupted. */
  applied_ms: number | null
}

export interface ProjectTables {
  project_version: ProjectVersionRow
}
