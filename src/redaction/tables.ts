/** What a version was before an erasure took rows out of it. */
export interface DatasetRedactionRow {
  version_id: string
  erasure_id: string
  project_id: string
  manifest_sha256: string
  content_hash: string
  rows: number
  removed_rows: number
  created_ms: number
}

export interface RedactionTables {
  dataset_redaction: DatasetRedactionRow
}
