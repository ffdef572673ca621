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

/** Somebody who signs in. Names are lower case. */
export interface UserRow {
  id: string
  project_id: string
  name: string
  email: string | null
  /** scrypt with its parameters and its salt; null while there is none. */
  password_hash: string | null
  oidc_issuer: string | null
  oidc_subject: string | null
  disabled_ms: number | null
  created_ms: number
}

export interface TeamRow {
  id: string
  project_id: string
  name: string
  created_ms: number
}

export interface TeamMemberRow {
  team_id: string
  user_id: string
  project_id: string
  created_ms: number
}

/** A role of a user or a team in the project, or in all (`*`). */
export interface RoleGrantRow {
  project_id: string
  holder_type: string
  holder_id: string
  role: string
  created_ms: number
}

/** A link by which a user sets a password, once. */
export interface InviteRow {
  id: string
  project_id: string
  user_id: string
  secret_hash: string
  /** Id of who invites. */
  invited_by: string
  created_ms: number
  expires_ms: number
  accepted_ms: number | null
}

export interface SessionRow {
  id: string
  project_id: string
  user_id: string
  secret_hash: string
  created_ms: number
  expires_ms: number
}

/** A user's token. It reaches one project, or all (`*`) of its user's. */
export interface ApiTokenRow {
  id: string
  project_id: string
  user_id: string
  name: string
  secret_hash: string
  /** The highest role that it gives. */
  role: string
  created_ms: number
  expires_ms: number | null
  used_ms: number | null
  revoked_ms: number | null
}

/** The token of one execution of a step: it holds as long as one attempt of one job does. */
export interface StepTokenRow {
  secret_hash: string
  project_id: string
  execution_id: string
  name: string
  /** The tracking run of the execution. */
  run_id: string
  job_id: string
  job_attempt: number
  created_ms: number
}

/** Failed sign-ins under one key, such as a name from an address. */
export interface SignInAttemptRow {
  key: string
  project_id: string
  failures: number
  since_ms: number
}

export interface ReviewRow {
  id: string
  project_id: string
  subject_type: string
  subject_id: string
  reviewer_id: string
  reviewer_name: string
  /** At that time. */
  reviewer_role: string
  is_owner: number
  verdict: string
  body: string
  /** Of what was reviewed: when it is another now, the review says nothing any more. */
  digest: string
  created_ms: number
}

export interface GovernanceTables {
  review: ReviewRow
  user: UserRow
  team: TeamRow
  team_member: TeamMemberRow
  role_grant: RoleGrantRow
  invite: InviteRow
  session: SessionRow
  api_token: ApiTokenRow
  step_token: StepTokenRow
  sign_in_attempt: SignInAttemptRow
  comment: CommentRow
  project: ProjectRow
  audit: AuditTable
  decision: DecisionRow
  drill: DrillRow
}
