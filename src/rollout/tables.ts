export interface DeploymentRow {
  id: string
  project_id: string
  name: string
  model: string
  task: string | null
  /** The declared definition, as JSON. */
  definition_json: string
  policy_version: number
  policy_json: string
  stable_version_id: string | null
  stable_version: number | null
  previous_version_id: string | null
  previous_version: number | null
  /** Grows with every change; a writer that read an older one is refused. */
  revision: number
  created_ms: number
  updated_ms: number
}

export interface RolloutRow {
  id: string
  project_id: string
  deployment: string
  model: string
  candidate_version_id: string
  candidate_version: number
  stable_version_id: string
  stable_version: number
  state: string
  /** Index into the plan's stages. */
  stage: number
  /** Traffic is being served, but no verdict can be reached for want of data: since when, in domain time. */
  held_since_ms: number | null
  plan_json: string
  cause: string
  reason: string | null
  forced: number
  /** The promotion that it was admitted by. */
  promotion_id: string | null
  /** Number of the last transition. */
  version: number
  sentence: string
  started_ms: number
  stage_started_ms: number
  finished_ms: number | null
  /** When the labels that came afterwards were looked at. */
  settled_ms: number | null
  created_ms: number
}

export interface RolloutStageRow {
  rollout_id: string
  stage: number
  project_id: string
  mode: string
  weight: number
  generation: number
  started_ms: number
  ended_ms: number | null
  /** The judgement that ended the stage, metric by metric, as JSON. */
  judgement_json: string | null
}

export interface RolloutTransitionRow {
  rollout_id: string
  version: number
  project_id: string
  from_state: string
  to_state: string
  stage: number
  decision_id: string | null
  sentence: string
  /** Domain time. */
  at_ms: number
  created_ms: number
}

/** Additive counts as gateways and the label join report them. */
interface RolloutCountRow {
  rollout_id: string
  generation: number
  stage: number
  variant: string
  metric: string
  gateway_id: string
  second: number
  project_id: string
  n: number
  sum: number
  sum_sq: number
}

/** The sum of `rollout_count` over generations, gateways and seconds, kept beside it for the controller. */
interface RolloutTotalRow {
  rollout_id: string
  stage: number
  variant: string
  metric: string
  project_id: string
  n: number
  sum: number
  sum_sq: number
}

interface TrafficHourRow {
  project_id: string
  deployment: string
  version: number
  variant: string
  hour_ms: number
  n: number
  errors: number
}

/** One row: the newest generation. Updating it makes writers of the desired state wait for each other. */
interface DesiredStateHeadRow {
  id: string
  project_id: string
  generation: number
}

/** What gateways need to load a version, as it was when it was deployed. */
interface DeployedVariantRow {
  model_version_id: string
  project_id: string
  variant_json: string
  created_ms: number
}

export interface RolloutTables {
  deployment: DeploymentRow
  rollout: RolloutRow
  rollout_stage: RolloutStageRow
  rollout_transition: RolloutTransitionRow
  rollout_count: RolloutCountRow
  rollout_total: RolloutTotalRow
  traffic_hour: TrafficHourRow
  desired_state_head: DesiredStateHeadRow
  deployed_variant: DeployedVariantRow
}
