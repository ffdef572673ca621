import { enqueueMaterialize, listLiveViews } from '../features/features.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { areDone } from '../jobs/jobs.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { unknownName } from '../kernel/unknown-name.ts'

/**
 * Asks for every live definition of these views, or of all, to be brought up to the present: with `fromMs` the rows from then on are
 * computed and written again, with `complete` all are computed anew from the dataset. Returns their names and the ids of the jobs. Throws `not_found` for a view that is not there.
 */
export async function requestMaterialize(
  { db }: Pick<Context, 'db'>,
  input: Caller & {
    views?: readonly string[] | undefined
    complete?: boolean
    fromMs?: number | undefined
  },
): Promise<{ views: string[]; jobIds: string[] }> {
  const { projectId, actor, views, complete = false, fromMs } = input
  requirePermission(actor, 'contribute', projectId)
  const live = await listLiveViews(db.read, { projectId })
  const names = live.map(({ spec }) => spec.view)
  const wanted = [...new Set(views ?? names)]
  const missing = wanted.find((name) => !names.includes(name))
  if (missing !== undefined) throw unknownName('feature view', missing, names, { featureView: missing })
  const action = complete ? 'features.request_rebuild' : 'features.request_materialize'
  return await db.write(async (trx) => {
    const jobIds: string[] = []
    for (const { spec } of live.filter(({ spec }) => wanted.includes(spec.view)))
      jobIds.push((await enqueueMaterialize(trx, { projectId, spec, complete, fromMs }))!)
    for (const subject of wanted) await audit(trx, { projectId, actor, action, subject })
    return { views: wanted, jobIds }
  })
}

/**
 * As `requestMaterialize`, and waits until workers have done it. `done` is false when they had not in the time given: the
 * work goes on then. Throws the error of work that has failed.
 */
export async function materializeViews(
  context: Pick<Context, 'db'>,
  { waitMs, ...request }: Parameters<typeof requestMaterialize>[1] & { waitMs: number },
): Promise<{ views: string[]; done: boolean }> {
  const { views, jobIds } = await requestMaterialize(context, request)
  return { views, done: await areDone(context, jobIds, waitMs) }
}
