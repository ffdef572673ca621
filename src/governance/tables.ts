import type { Generated, Selectable } from 'kysely'

export interface ProjectRow {
  id: string
  project_id: string
  name: string
  created_ms: number
}

export interface AuditTable {
  seq: Generated<number>
  id: string
  project_id: string
  actor_id: string
  actor_name: string
  action: string
  subject: string
  detail_json: string
  /** Database wall time. */
  at_ms: number
  /** SHA-256 over the previous row's hash and this row, set afterwards by the sealer. */
  hash: string | null
}

export type AuditRow = Selectable<AuditTable>

export interface DecisionRow {
  id: string
  project_id: string
  kind: string
  subject_type: string
  subject_id: string
  verdict: string
  sentence: string
  rule: string
  numbers_json: string
  inputs_json: string
  code_version: string
  cause: string | null
  injected: number
  /** Domain time. */
  at_ms: number
  created_ms: number
}

/** What a demonstration or a drill injects; decisions that it causes say so. */
export interface DrillRow {
  id: string
  project_id: string
  label: string
  kinds_json: string
  match: string
  /** Domain time. */
  started_ms: number
  ended_ms: number | null
  created_ms: number
}

/** What people say about a run, a version, a promotion. A deleted one keeps its text, and is not shown. */
export interface CommentRow {
  id: string
  project_id: string
  subject_type: string
  subject_id: string
  author_id: string
  author_name: string
  /** Markdown. */
  body: string
  created_ms: number
  edited_ms: number | null
  deleted_ms: number | null
}

export interface GovernanceTables {
  comment: CommentRow
  project: ProjectRow
  audit: AuditTable
  decision: DecisionRow
  drill: DrillRow
}
