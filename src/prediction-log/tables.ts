/** One closed segment of a gateway's log; registered once, by its id. */
export interface LogSegmentRow {
  segment_id: string
  project_id: string
  gateway_id: string
  kind: 'prediction' | 'feedback'
  sha256: string
  size_bytes: number
  rows: number
  /** Event times of the rows (for feedback the times of receipt), ms. */
  from_ms: number
  to_ms: number
  /** JSON array of the deployments that have rows in it. */
  deployments_json: string
  state: 'closed' | 'rolled'
  /** The Parquet blob with the segment's rows; shared with others once segments are compacted. */
  parquet_sha256: string | null
  created_ms: number
  rolled_ms: number | null
}

export interface PredictionLogTables {
  log_segment: LogSegmentRow
}
