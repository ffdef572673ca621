import { getDataset, listDeclaredDatasets } from '../data/data.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { enqueue } from '../jobs/jobs.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { listWaiting } from './store-sources.ts'

/** Asks a worker to look at a dataset's source now. Returns the job's id. */
export async function requestIngest(
  context: Pick<Context, 'db'>,
  { projectId, actor, dataset: name }: Caller & { dataset: string },
): Promise<string> {
  requirePermission(actor, 'contribute', projectId)
  await getDataset(context, { projectId, name })
  return await context.db.write(async (trx) => {
    const { id, name: called, kind } = actor
    const job = await enqueue(trx, {
      projectId,
      kind: 'data.probe',
      payload: { dataset: name, requestedBy: { id, name: called, kind } },
    })
    await audit(trx, { projectId, actor, action: 'data.request_ingest', subject: name })
    return job!
  })
}

/** Enqueues a probe for each dataset whose interval has begun anew; any number of processes may call it. */
export async function enqueueDueProbes({ db }: Pick<Context, 'db'>): Promise<number> {
  const datasets = (await listDeclaredDatasets(db.read)).filter(
    ({ definition }) => definition.probeEveryMs !== undefined,
  )
  if (datasets.length === 0) return 0
  const now = await db.wallTime()
  const waiting = await listWaiting(
    db.read,
    datasets.map(({ id }) => id),
    now,
  )
  return await db.write(async (trx) => {
    let enqueued = 0
    for (const { id, projectId, name, definition } of datasets) {
      if (waiting.has(id)) continue
      const tick = Math.floor(now / definition.probeEveryMs!)
      const uniqueKey = `data.probe:${id}:${definition.probeEveryMs}:${tick}`
      const job = await enqueue(trx, { projectId, kind: 'data.probe', payload: { dataset: name }, uniqueKey })
      if (job !== undefined) enqueued += 1
    }
    return enqueued
  })
}
