import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import { removeTag, requireTag, writeTags } from './log-batch.ts'
import { announce, getActiveRun, ownerOf } from './runs.ts'
import type { Tag } from './schema.ts'
import { getRunAtWrite, updateRunRow, type RunAtWrite } from './store.ts'
import type { Lifecycle } from './tables.ts'

/** The most runs that are changed at once. */
export const MAX_BULK = 500

/** Deletes or restores runs softly, all or none. Those that are so already stay as they are. Returns how many changed. */
export async function setRunsLifecycle(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, runIds, lifecycle }: Caller & { runIds: readonly string[]; lifecycle: Lifecycle },
): Promise<number> {
  requirePermission(actor, 'contribute', projectId)
  return await db.write(async (trx) => {
    const rows = (await readRows(trx, projectId, runIds)).filter((row) => row.lifecycle !== lifecycle)
    const action = lifecycle === 'deleted' ? 'tracking.delete_run' : 'tracking.restore_run'
    const change = { lifecycle, deleted_ms: lifecycle === 'deleted' ? clock.now() : null }
    for (const row of rows) {
      await updateRunRow(trx, row.id, change)
      await audit(trx, { projectId, actor, action, subject: row.id })
      await announce({ clock }, trx, row, { always: true })
    }
    return rows.length
  })
}

/** Sets tags on many runs and takes others away, all or none. A deleted run refuses. */
export async function tagRuns(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & { runIds: readonly string[]; set: readonly Tag[]; remove: readonly string[] },
): Promise<void> {
  const { projectId, actor, runIds, set, remove } = input
  requirePermission(actor, 'contribute', projectId)
  for (const tag of set) requireTag(tag)
  await db.write(async (trx) => {
    for (const runId of requireFew(runIds)) {
      const row = await getActiveRun(trx, projectId, runId)
      await writeTags(trx, ownerOf(row), set)
      for (const key of remove) await removeTag(trx, runId, key)
      const detail = { set: set.map(({ key }) => key), remove: [...remove] }
      await audit(trx, { projectId, actor, action: 'tracking.tag_run', subject: runId, detail })
      await announce({ clock }, trx, row, { always: true })
    }
  })
}

async function readRows(trx: Trx, projectId: string, runIds: readonly string[]): Promise<RunAtWrite[]> {
  const rows: RunAtWrite[] = []
  for (const runId of requireFew(runIds)) rows.push(await getRunAtWrite(trx, projectId, runId))
  return rows
}

function requireFew(runIds: readonly string[]): readonly string[] {
  const distinct = [...new Set(runIds)]
  if (distinct.length <= MAX_BULK) return distinct
  throw new AppError('invalid', `At most ${MAX_BULK} runs are changed at once, not ${distinct.length}`)
}
