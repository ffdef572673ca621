import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { systemActor } from '../kernel/actor.ts'
import { isPurged } from '../ports/artifacts/blobs.ts'
import { listErasedRows } from '../privacy/privacy.ts'
import { listPurging, moveErasure } from './store.ts'

/** Whether an erasure waits for its files to be deleted. */
export async function isPurging({ db }: Pick<Context, 'db'>): Promise<boolean> {
  return (await listPurging(db.read)).length > 0
}

/** Ends the erasures whose rows are out of every place and whose files are deleted. Any number of processes may call it. */
export async function finishPurged({ db, clock }: Pick<Context, 'db' | 'clock'>): Promise<void> {
  const purging = await listPurging(db.read)
  if (purging.length === 0 || !(await isPurged(db.read))) return
  for (const { id, project_id: projectId, entity, key_hash: keyHash } of purging) {
    await db.write(async (trx) => {
      const change = { state: 'done' as const, finished_ms: clock.now() }
      if (!(await moveErasure(trx, { id, from: 'purging', change }))) return
      const rows = (await listErasedRows(trx, id))
        // A row in several versions is one row of a part.
        .filter(({ place }) => place !== 'dataset versions')
        .reduce((sum, row) => sum + row.rows, 0)
      const payload = { erasureId: id, entity, rows }
      await appendEvent(trx, { projectId, kind: 'data.erased', payload, atMs: clock.now() })
      await audit(trx, {
        projectId,
        actor: systemActor('erasure'),
        action: 'erasure.finish',
        subject: entity,
        detail: { erasureId: id, keyHash, rows },
      })
    })
  }
}
