import { setTimeout as pause } from 'node:timers/promises'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { listJobStates } from '../jobs/jobs.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import { monotonicMs } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { enqueueMaterialize } from './features.ts'
import { listLiveViews } from './store.ts'

const LOOK_EVERY_MS = 50

export interface MaterializeViews {
  projectId: string
  actor: Actor
  /** Names of views; every view of the project when it is missing. */
  views: readonly string[] | undefined
  /** How long to wait for the work; 0 for not at all. */
  waitMs: number
}

/**
 * Asks for views to be brought up to the present, and waits until workers have done it. `done` is false when they had not
 * in the time given: the work goes on then. Throws `not_found` for a view that is not there, and the error of work that failed.
 */
export async function materializeViews(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, views, waitMs }: MaterializeViews,
): Promise<{ views: string[]; done: boolean }> {
  requirePermission(actor, 'contribute', projectId)
  const live = await listLiveViews(db.read, { projectId })
  const names = [...new Set(live.map(({ spec }) => spec.view))]
  const missing = views?.find((name) => !names.includes(name))
  if (missing !== undefined)
    throw new AppError('not_found', `There is no feature view ${missing}`, {
      details: { featureView: missing },
    })
  const wanted = views ?? names
  const jobs = await db.write(async (trx) => {
    const ids: string[] = []
    for (const { spec } of live.filter(({ spec }) => wanted.includes(spec.view)))
      ids.push((await enqueueMaterialize(trx, { projectId, spec }))!)
    for (const subject of new Set(wanted))
      await audit(trx, { projectId, actor, action: 'features.request_materialize', subject })
    return ids
  })
  return { views: [...wanted], done: await areDone({ db }, jobs, waitMs) }
}

async function areDone(
  { db }: Pick<Context, 'db'>,
  jobs: readonly string[],
  waitMs: number,
): Promise<boolean> {
  const until = monotonicMs() + waitMs
  for (;;) {
    const states = await listJobStates(db.read, jobs)
    const failed = states.find(({ state }) => state === 'failed' || state === 'cancelled')
    if (failed)
      throw new AppError('internal', `The materialization has failed: ${failed.error ?? failed.state}`)
    if (states.every(({ state }) => state === 'done')) return true
    if (monotonicMs() + LOOK_EVERY_MS > until) return false
    await pause(LOOK_EVERY_MS)
  }
}
