import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Trx } from '../ports/db/db.ts'
import { codeVersion } from './code-version.ts'
import { isInjected } from './drills.ts'
import type { Decision, DecisionFilter, RecordDecision } from './schema.ts'
import { findProjectByName, insertDecision, insertProject, listDecisionRows } from './store.ts'

export { audit } from './audit.ts'
export { addComment, deleteComment, editComment, listComments } from './comments.ts'

/** The project that exists from the start. */
export const DEFAULT_PROJECT = { id: 'default', name: 'default' }

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

/** The id of a project by its name; the default project when no name is given. */
export async function resolveProject({ db }: Pick<Context, 'db'>, name: string | undefined): Promise<string> {
  if (name === undefined || name === DEFAULT_PROJECT.name) return DEFAULT_PROJECT.id
  const project = await findProjectByName(db.read, name)
  if (project) return project.id
  throw new AppError('not_found', `There is no project ${name}`, { details: { project: name } })
}

export async function ensureProject(
  trx: Trx,
  { name, nowMs }: { name: string; nowMs: number },
): Promise<string> {
  const known = await findProjectByName(trx, name)
  if (known) return known.id
  const id = name === DEFAULT_PROJECT.name ? DEFAULT_PROJECT.id : randomIds.uuid()
  await insertProject(trx, { id, project_id: id, name, created_ms: nowMs })
  return id
}
