export interface DatasetRow {
  id: string
  project_id: string
  name: string
  definition_json: string
  /** Of what decides whether a file is good: source and expectations. A change gives quarantined files a new chance. */
  definition_hash: string
  /** Relative globs start here. */
  directory: string
  /** 0 when the project no longer declares it. */
  declared: number
  created_ms: number
  updated_ms: number
}

export interface DatasetVersionRow {
  id: string
  project_id: string
  dataset_id: string
  number: number
  manifest_sha256: string
  content_hash: string
  schema_json: string
  schema_change_json: string | null
  rows: number
  added_rows: number
  size_bytes: number
  parts: number
  min_time_ms: number | null
  max_time_ms: number | null
  parent_id: string | null
  report_id: string | null
  summary_sha256: string
  created_ms: number
  /** Where the source stood after it; null for sources without a cursor. */
  source_cursor: string | null
  /** Rows of what was new at the source that are older than the newest row of the version before. */
  late_rows: number
  /** Who made it; null of versions older than this column. */
  actor_id: string | null
  actor_name: string | null
  cause_kind: string | null
  /** The job that made it. */
  cause_reference: string | null
  /** Domain time at which retention took its rows, and by which rule; the row and the summary stay. */
  deleted_ms: number | null
  deleted_why: string | null
  /** When the parts that only it held were given up. */
  released_ms: number | null
}

/** A source file's content as a normalised part. */
export interface DatasetPartRow {
  project_id: string
  dataset_id: string
  source_sha256: string
  /** How the source was read: its format, for CSV with the delimiter. */
  reading: string
  sha256: string
  size_bytes: number
  rows: number
  min_time_ms: number | null
  max_time_ms: number | null
  schema_json: string
  created_ms: number
}

/** Columns of a version that look personal. */
export interface DatasetPersonalRow {
  version_id: string
  project_id: string
  findings_json: string
  created_ms: number
}

export interface DataTables {
  dataset: DatasetRow
  dataset_version: DatasetVersionRow
  dataset_part: DatasetPartRow
  dataset_personal: DatasetPersonalRow
}
