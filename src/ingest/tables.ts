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

export interface IngestTables {
  dataset_source: DatasetSourceRow
  dataset_file: DatasetFileRow
  dataset_quarantine: DatasetQuarantineRow
  dataset_change: DatasetChangeRow
}
