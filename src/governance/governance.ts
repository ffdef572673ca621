import type { Context } from '../http/context.ts'
import { randomIds } from '../kernel/ids.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Trx } from '../ports/db/db.ts'
import { codeVersion } from './code-version.ts'
import { isInjected } from './drills.ts'
import type { Decision, DecisionFilter, RecordDecision } from './schema.ts'
import { insertDecision, listDecisionRows } from './store.ts'

export { hasOpenId, OpenIdSignIn } from './openid.ts'
export { signInByIdentity } from './openid-users.ts'
export { sessionCookie } from './sessions.ts'
export { findActor, listTokenAccess, type TokenAccess } from './access.ts'
export { audit } from './audit.ts'
export { searchAudit } from './audit-search.ts'
export { Authenticator, requireSomeAdmin } from './authenticate.ts'
export { addComment, deleteComment, editComment, listComments } from './comments.ts'
export { StepToken } from './step-token.ts'
export { ownerApi } from './owner-api.ts'
export {
  DEFAULT_PROJECT,
  ensureProject,
  enterProject,
  listProjectIds,
  nameOfProject,
  resolveProject,
} from './projects.ts'
export { isOwnedBy, requireOwner } from './owners.ts'
export { addReview, listReviews, standingReviews } from './reviews.ts'
export { requireMember } from './teams.ts'

/** Stores a decision with everything that it rests on, so that it can be read as one sentence and settled later. */
export async function recordDecision(trx: Trx, decision: RecordDecision): Promise<string> {
  const id = randomIds.uuid()
  await insertDecision(trx, {
    id,
    project_id: decision.projectId,
    kind: decision.kind,
    subject_type: decision.subjectType,
    subject_id: decision.subjectId,
    verdict: decision.verdict,
    sentence: decision.sentence,
    rule: decision.rule,
    numbers_json: JSON.stringify(decision.numbers),
    inputs_json: JSON.stringify(decision.inputs),
    code_version: codeVersion,
    cause: decision.cause ?? null,
    injected: decision.injected === true || (await isInjected(trx, decision)) ? 1 : 0,
    at_ms: decision.atMs,
    created_ms: Date.now(),
  })
  await appendEvent(trx, {
    projectId: decision.projectId,
    kind: 'decision.recorded',
    payload: { decisionId: id, kind: decision.kind },
    atMs: decision.atMs,
  })
  return id
}

export async function listDecisions(
  { db }: Pick<Context, 'db'>,
  filter: DecisionFilter,
): Promise<Decision[]> {
  return await listDecisionRows(db.read, filter)
}
