import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ProjectVersionRow } from './tables.ts'

export async function findNewestVersion(
  at: Queryable,
  projectId: string,
): Promise<ProjectVersionRow | undefined> {
  return await at
    .selectFrom('project_version')
    .selectAll()
    .where('project_id', '=', projectId)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function findVersion(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<ProjectVersionRow | undefined> {
  return await at
    .selectFrom('project_version')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst()
}

export async function listVersionRows(
  at: Queryable,
  { projectId, limit, below }: { projectId: string; limit: number; below: number | undefined },
): Promise<ProjectVersionRow[]> {
  return await at
    .selectFrom('project_version')
    .selectAll()
    .where('project_id', '=', projectId)
    .$if(below !== undefined, (query) => query.where('number', '<', below!))
    .orderBy('number', 'desc')
    .limit(limit)
    .execute()
}

export async function insertVersion(trx: Trx, row: ProjectVersionRow): Promise<void> {
  await trx.insertInto('project_version').values(row).execute()
}

export async function setApplied(trx: Trx, id: string, nowMs: number): Promise<void> {
  await trx.updateTable('project_version').set({ applied_ms: nowMs }).where('id', '=', id).execute()
}

/** Every code snapshot, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const rows = await at.selectFrom('project_version').select('snapshot_sha256').distinct().execute()
  return rows.map((row) => row.snapshot_sha256)
}
