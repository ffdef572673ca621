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

/** What the gateways are to serve; the highest generation counts. */
interface DesiredStateRow {
  generation: number
  project_id: string
  document_json: string
  created_ms: number
}

/** Until when a candidate may get traffic, by database wall time. */
interface CandidateLeaseRow {
  rollout_id: string
  project_id: string
  until_ms: number
}

/** A gateway as it last said. */
export interface GatewayRow {
  gateway_id: string
  project_id: string
  url: string
  generation: number
  /** JSON: what could not be loaded, by deployment. */
  problems_json: string
  started_ms: number
  heartbeat_ms: number
  created_ms: number
}

export interface ServingTables {
  log_segment: LogSegmentRow
  desired_state: DesiredStateRow
  candidate_lease: CandidateLeaseRow
  gateway: GatewayRow
}
