import type { Actor, Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable } from '../ports/db/db.ts'
import { folderOf } from './artifact-uris.ts'
import { findRunRow } from './store.ts'
import { findLoggedModelRow } from './store-logged-models.ts'
import type { LoggedModelRow, RunRow } from './tables.ts'

const DEEPEST = 20

type Run = Pick<RunRow, 'id' | 'parent_run_id' | 'project_id'>

/** Whether the actor is no step, or a step whose run this is, or has it nested in its own. */
async function mayRecord(at: Queryable, { step }: Actor, run: Run | undefined): Promise<boolean> {
  if (step === undefined) return true
  let next = run
  for (let depth = 0; next !== undefined && depth < DEEPEST; depth++) {
    if (next.id === step.runId) return true
    next = next.parent_run_id === null ? undefined : await findRunRow(at, next.project_id, next.parent_run_id)
  }
  return false
}

/** Throws `denied` for a step when something comes from no run of its own; `what` names it. */
export async function requireOwn(
  at: Queryable,
  { projectId, actor }: Caller,
  { what, runId }: { what: string; runId: string | null | undefined },
): Promise<void> {
  if (actor.step === undefined) return
  const run = runId ? await findRunRow(at, projectId, runId) : undefined
  if (!(await mayRecord(at, actor, run))) throw notOwn(actor, what)
}

/** Throws `denied` for a step whose run this is not. */
export async function requireOwnRun(at: Queryable, actor: Actor, run: Run): Promise<void> {
  if (!(await mayRecord(at, actor, run))) throw notOwn(actor, `the run ${run.id}`)
}

/** The parent of a run that the actor begins. What a step begins is nested in its own run; another parent is `denied`. */
export async function parentOfNew(
  at: Queryable,
  { projectId, actor }: Caller,
  wanted: string | undefined,
): Promise<string | undefined> {
  if (actor.step === undefined) return wanted
  if (wanted === undefined) return actor.step.runId
  if (await mayRecord(at, actor, await findRunRow(at, projectId, wanted))) return wanted
  throw notOwn(actor, `the run ${wanted}`)
}

/** Throws `denied` for a step that has not made this model. */
export async function requireOwnModel(at: Queryable, actor: Actor, model: LoggedModelRow): Promise<void> {
  const { id, source_run_id: runId, project_id: projectId } = model
  await requireOwn(at, { projectId, actor }, { what: `the logged model ${id}`, runId })
}

/** Throws `denied` for a step when the path is below neither a run nor a logged model of its own. */
export async function requireOwnPath(
  at: Queryable,
  { projectId, actor }: Caller,
  path: string,
): Promise<void> {
  if (actor.step === undefined) return
  for (const [, id] of path.matchAll(/([^/]+)\/artifacts(?=\/)/g)) {
    const model = await findLoggedModelRow(at, projectId, id!)
    const owner = await findRunRow(at, projectId, model ? (model.source_run_id ?? '') : id!)
    const uri = (model ?? owner)?.artifact_uri
    if (uri === undefined || !path.startsWith(`${folderOf(uri)}/`)) continue
    if (await mayRecord(at, actor, owner)) return
  }
  throw notOwn(actor, path)
}

function notOwn({ name }: Actor, what: string): AppError {
  return new AppError(
    'denied',
    `${name} may not write to ${what}: the token of a step records under the step’s own run`,
  )
}
