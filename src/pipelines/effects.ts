import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Queryable } from '../ports/db/db.ts'
import type { Effect } from './schema.ts'
import { findEffectRow, findRunRow, listEffectRows, settleEffect, toEffect } from './store.ts'

/** What a run asked for. A higher room carries it out and then settles it. */
export async function getEffect(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, effectId }: Caller & { effectId: string },
): Promise<Effect> {
  requirePermission(actor, 'view', projectId)
  const row = await findEffectRow(db.read, effectId)
  if (row?.project_id === projectId) return toEffect(row)
  throw new AppError('not_found', `There is no effect ${effectId}`)
}

/** Effects of a run that nobody has settled yet. */
export async function listRequestedEffects(at: Queryable, runId: string): Promise<Effect[]> {
  return (await listEffectRows(at, runId)).map(toEffect).filter(({ state }) => state === 'requested')
}

/** Whether registrations of a run are under way, and whether it may ask for more. */
export async function registrationsOf(
  { db }: Pick<Context, 'db'>,
  runId: string,
): Promise<{ underWay: boolean; mayCome: boolean }> {
  // The run is read first: one that had ended by then asks for nothing that its effects do not show.
  const run = await findRunRow(db.read, runId)
  const requested = await listRequestedEffects(db.read, runId)
  return {
    underWay: requested.some(({ kind }) => kind === 'register'),
    mayCome: run?.finished_ms === null,
  }
}

/** Records how an effect ended. The first word counts; another one is no error. */
export async function finishEffect(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  {
    projectId,
    actor,
    effectId,
    ...outcome
  }: Caller & { effectId: string } & (
      | { state: 'done'; result: JsonObject }
      | { state: 'failed'; error: string }
    ),
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  const result = outcome.state === 'done' ? outcome.result : { error: outcome.error }
  await db.write(async (trx) => {
    const settled = await settleEffect(trx, effectId, {
      state: outcome.state,
      result_json: JSON.stringify(result),
      finished_ms: await db.wallTime(trx),
    })
    if (!settled) return
    const { run_id: runId, kind } = settled
    await appendEvent(trx, {
      projectId,
      kind: 'effect.settled',
      payload: { effectId, runId, kind, state: outcome.state },
      atMs: clock.now(),
    })
  })
}
