import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import type { DecisionKind, RecordDecision } from './schema.ts'
import { insertDrill, listOpenDrills, updateDrillEnd } from './store.ts'

/** Something that is injected on purpose, in a demonstration or to practise. */
export interface StartDrill extends Caller {
  label: string
  /** Kinds of decisions that it may cause. */
  kinds: readonly DecisionKind[]
  /** Text that the sentence of such a decision contains. */
  match: string
}

/** From now until its end, decisions of these kinds whose sentence has the text are labelled as injected. */
export async function startDrill(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  { projectId, actor, label, kinds, match }: StartDrill,
): Promise<string> {
  requirePermission(actor, 'administer', projectId)
  const id = ids.uuid()
  await db.write(async (trx) => {
    await insertDrill(trx, {
      id,
      project_id: projectId,
      label,
      kinds_json: JSON.stringify(kinds),
      match,
      started_ms: clock.now(),
      ended_ms: null,
      created_ms: await db.wallTime(trx),
    })
    const detail = { id, kinds: [...kinds], match }
    await audit(trx, { projectId, actor, action: 'governance.start_drill', subject: label, detail })
  })
  return id
}

/** Throws `not_found` for a drill that is not there or has ended. */
export async function endDrill(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<void> {
  requirePermission(actor, 'administer', projectId)
  await db.write(async (trx) => {
    const ended = await updateDrillEnd(trx, { projectId, id, endedMs: clock.now() })
    if (!ended) throw new AppError('not_found', `There is no open drill ${id}`)
    const subject = ended.label
    await audit(trx, { projectId, actor, action: 'governance.end_drill', subject, detail: { id } })
  })
}

/** Whether an open drill is the reason for a decision. */
export async function isInjected(
  trx: Trx,
  { projectId, kind, sentence }: Pick<RecordDecision, 'projectId' | 'kind' | 'sentence'>,
): Promise<boolean> {
  const drills = await listOpenDrills(trx, projectId)
  return drills.some(({ kinds_json, match }) => {
    const kinds = JSON.parse(kinds_json) as DecisionKind[]
    return kinds.includes(kind) && sentence.includes(match)
  })
}
