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

/** What the last probe saw: a file of the same size and time is not read again. */
export interface DatasetFileRow {
  project_id: string
  dataset_id: string
  path: string
  size_bytes: number
  /** Nanoseconds as text: more than a safe integer. */
  modified_ns: string
  /** What a remote source says of the content, such as an ETag; null for local files. */
  tag: string | null
  source_sha256: string
  created_ms: number
}

export interface DatasetQuarantineRow {
  project_id: string
  dataset_id: string
  source_sha256: string
  definition_hash: string
  path: string
  report_id: string
  created_ms: number
}

export interface ValidationReportRow {
  id: string
  project_id: string
  dataset_id: string
  verdict: 'passed' | 'warned' | 'failed'
  sentence: string
  rows: number
  results_json: string
  files_json: string
  failing_rows_sha256: string | null
  created_ms: number
}

/** Columns of a version that look personal. */
export interface DatasetPersonalRow {
  version_id: string
  project_id: string
  findings_json: string
  created_ms: number
}

/** Where a dataset's source stands. There is none before anything came from it or failed. */
export interface DatasetSourceRow {
  dataset_id: string
  project_id: string
  /** Of what decides which rows the source gives: another one starts over. */
  source_hash: string
  cursor: string | null
  /** Columns of what was pushed so far. */
  columns_json: string | null
  /** In a row; 0 after a success. */
  failures: number
  error: string | null
  /** Database wall time before which it is not probed by itself. */
  retry_at_ms: number | null
}

/** What happened at a source: it held something else, or could not be read. */
export interface DatasetChangeRow {
  id: string
  project_id: string
  dataset_id: string
  kind: 'changed' | 'failed'
  actor_id: string
  actor_name: string
  cursor_before: string | null
  cursor_after: string | null
  items_json: string
  schema_change_json: string | null
  version_id: string | null
  report_id: string | null
  rows: number
  late_rows: number
  error: string | null
  /** How often in a row the same failure was met. */
  times: number
  created_ms: number
  updated_ms: number
}

/** Rows that were pushed and acknowledged, as a Parquet blob; `version_id` is the version that they became part of. */
export interface DatasetPushRow {
  id: string
  project_id: string
  dataset_id: string
  key: string
  content_hash: string
  sha256: string
  size_bytes: number
  rows: number
  version_id: string | null
  actor_id: string
  actor_name: string
  created_ms: number
}

/** What one check said in one report, about all its files together. */
export interface CheckResultRow {
  report_id: string
  check_key: string
  project_id: string
  dataset_id: string
  check_kind: string
  title: string
  severity: 'error' | 'warn'
  passed: number
  message: string
  files: number
  rows: number
  failing: number | null
  observed_min: number | null
  observed_max: number | null
  expected_min: number | null
  expected_max: number | null
  /** Null when nothing was ingested. */
  version_number: number | null
  created_ms: number
}

/** What the rows that made a version were like, for checks that look back. */
export interface DatasetDeliveryRow {
  dataset_id: string
  version_number: number
  project_id: string
  rows: number
  newest_ms: number | null
  arrived_ms: number
  columns_json: string
}

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

export interface DataTables {
  check_result: CheckResultRow
  dataset_delivery: DatasetDeliveryRow
  dataset: DatasetRow
  dataset_version: DatasetVersionRow
  dataset_part: DatasetPartRow
  dataset_file: DatasetFileRow
  dataset_quarantine: DatasetQuarantineRow
  validation_report: ValidationReportRow
  dataset_personal: DatasetPersonalRow
  dataset_redaction: DatasetRedactionRow
  dataset_source: DatasetSourceRow
  dataset_change: DatasetChangeRow
  dataset_push: DatasetPushRow
}
