import type { Context } from '../http/context.ts'
import { requirePermission } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Caller } from './runs.ts'
import type { Effect } from './schema.ts'
import { findEffectRow, settleEffect, toEffect } from './store.ts'

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

/** Records how an effect ended. The first word counts; another one is no error. */
export async function finishEffect(
  { db }: Pick<Context, 'db'>,
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
    await settleEffect(trx, effectId, {
      state: outcome.state,
      result_json: JSON.stringify(result),
      finished_ms: await db.wallTime(trx),
    })
  })
}
