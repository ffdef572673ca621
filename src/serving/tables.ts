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
  desired_state: DesiredStateRow
  candidate_lease: CandidateLeaseRow
  gateway: GatewayRow
}
