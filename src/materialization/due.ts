import { enqueueMaterialize } from '../features/features.ts'
import { onlineView } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { ignoreUnavailable } from './freshness.ts'
import { listDueViews, listMaterializedViews } from './store.ts'

/**
 * Asks for views whose data have more to give as time passes: events that were in the future. Any number of processes
 * may call it, again and again; a view is asked for once for each such event, at most every ten seconds of domain time.
 */
export async function enqueueDueMaterializations({
  db,
  clock,
}: Pick<Context, 'db' | 'clock'>): Promise<number> {
  const due = await listDueViews(db.read, clock.now())
  if (due.length === 0) return 0
  return await db.write(async (trx) => {
    let enqueued = 0
    for (const { projectId, spec, nextEventMs } of due) {
      const job = await enqueueMaterialize(trx, { projectId, spec, cause: `due:${nextEventMs}` })
      if (job !== undefined) enqueued += 1
    }
    return enqueued
  })
}

const LOST_AGAIN_MS = 600_000

/**
 * Asks for views whose values the online store does not have: it is another one, or has lost its data. Any number of
 * processes may call it; a view is asked for at most every ten minutes. Does nothing while the store is away.
 */
export async function enqueueLostViews({ db, online }: Pick<Context, 'db' | 'online'>): Promise<number> {
  const views = await listMaterializedViews(db.read)
  const names = views.map(({ projectId, spec }) => onlineView(projectId, spec))
  const marks = await online.marks(names).catch(ignoreUnavailable)
  const lost = views.filter(
    ({ onlineMark }, index) => marks !== undefined && !isKept(marks[index]!, onlineMark),
  )
  if (lost.length === 0) return 0
  const period = Math.floor((await db.wallTime()) / LOST_AGAIN_MS)
  return await db.write(async (trx) => {
    let enqueued = 0
    for (const { projectId, spec, onlineMark } of lost) {
      const job = await enqueueMaterialize(trx, { projectId, spec, cause: `lost:${onlineMark}:${period}` })
      if (job !== undefined) enqueued += 1
    }
    return enqueued
  })
}

/** Whether the store has all that was written up to the cursor. */
export function isKept(marks: readonly string[], mark: string | null): boolean {
  return mark !== null && marks.includes(mark)
}
