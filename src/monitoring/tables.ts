import type { Generated } from 'kysely'

export interface MonitorRow {
  id: string
  project_id: string
  name: string
  deployment: string
  definition_json: string
  created_ms: number
  updated_ms: number
}

/** A segment whose counts are in: the key that makes taking it in idempotent. */
export interface MonitoredSegmentRow {
  segment_id: string
  project_id: string
  kind: string
  rows: number
  created_ms: number
}

/** Additive counts of one window: what was predicted in it, and the labels that have arrived for it since. */
export interface ProfileWindowRow {
  project_id: string
  deployment: string
  version: number
  variant: string
  slice: string
  grain: 'hour' | 'day'
  /** Domain time of the window's start. */
  start_ms: number
  layout_sha256: string
  rows: number
  labelled: number
  label_sum: number
  loss_sum: number
  /** Grows whenever the window's counts change. */
  revision: number
  profile: Uint8Array
}

/** Rows of each entity in one hour, as JSON `{ entity: rows }`: all of them, or those with one violation. */
interface EntityHealthRow {
  project_id: string
  deployment: string
  version: number
  /** `rows` for all rows, else a violation such as `stale:airport_delays`. */
  source: string
  hour_ms: number
  /** Grows whenever the hour's counts change. */
  revision: number
  cells_json: string
}

export interface LabelJoinRow {
  segment_id: string
  project_id: string
  /** The joined rows; null when nothing matched. */
  parquet_sha256: string | null
  matched: number
  revised: number
  pending: number
  from_ms: number | null
  to_ms: number | null
  created_ms: number
}

/** A label whose prediction has not been rolled yet. */
export interface LabelPendingRow {
  project_id: string
  feedback_id: string
  prediction_id: string
  label_json: string
  label_time_ms: number
  received_ms: number
  revision: number
  segment_id: string
}

/** One counter for each project: label joins commit one after another. */
interface LabelJoinStateRow {
  project_id: string
  version: number
}

/** Labels by delay, as JSON counts over the bins of `label-delay.ts`, by the day of the prediction. */
interface LabelDelayRow {
  project_id: string
  deployment: string
  day_ms: number
  counts_json: string
}

export interface MonitorJudgementRow {
  project_id: string
  deployment: string
  monitor: string
  grain: 'hour' | 'day'
  start_ms: number
  revision: number
  verdict: string
  numbers_json: string
  at_ms: number
  created_ms: number
}

export interface AlertRow {
  seq: Generated<number>
  id: string
  project_id: string
  deployment: string
  monitor: string
  kind: string
  subject: string
  state: string
  /** Unique while the alert is open. */
  open_key: string | null
  blocks_training: number
  sentence: string
  causes_json: string
  window_ms: number
  decision_id: string
  raised_ms: number
  cleared_ms: number | null
  cleared_sentence: string | null
  created_ms: number
}

export interface MonitoringTables {
  monitor: MonitorRow
  monitored_segment: MonitoredSegmentRow
  profile_window: ProfileWindowRow
  entity_health: EntityHealthRow
  label_join: LabelJoinRow
  label_pending: LabelPendingRow
  label_join_state: LabelJoinStateRow
  label_delay: LabelDelayRow
  monitor_judgement: MonitorJudgementRow
  alert: AlertRow
}
