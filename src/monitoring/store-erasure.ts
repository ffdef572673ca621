import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'

/** The joined rows of labels, by their blob. */
export async function listJoined(
  at: Queryable,
  projectId: string,
): Promise<{ segment_id: string; parquet_sha256: string }[]> {
  const rows = await at
    .selectFrom('label_join')
    .select(['segment_id', 'parquet_sha256'])
    .where('project_id', '=', projectId)
    .where('parquet_sha256', 'is not', null)
    .execute()
  return rows.map(({ segment_id, parquet_sha256 }) => ({ segment_id, parquet_sha256: parquet_sha256! }))
}

export async function updateJoined(
  trx: Trx,
  { before, after }: { before: string; after: string },
): Promise<void> {
  await trx
    .updateTable('label_join')
    .set({ parquet_sha256: after })
    .where('parquet_sha256', '=', before)
    .execute()
}

/** Takes an entity's cell out of the hourly counts of feeds, of deployments but those named. Returns how many cells. */
export async function deleteHealthCells(
  trx: Trx,
  { projectId, value, others }: { projectId: string; value: string; others: readonly string[] },
): Promise<number> {
  const named = JSON.stringify(value)
  const rows = await trx
    .selectFrom('entity_health')
    .selectAll()
    .where('project_id', '=', projectId)
    .where(sql<boolean>`cells_json like ${`%${named.replaceAll(/[\\%_]/g, '_')}:%`}`)
    .$if(others.length > 0, (query) => query.where('deployment', 'not in', others))
    .execute()
  let deleted = 0
  for (const { cells_json, revision, ...key } of rows) {
    const cells = JSON.parse(cells_json) as Record<string, number>
    if (!(value in cells)) continue
    delete cells[value]
    deleted += 1
    await trx
      .updateTable('entity_health')
      .set({ cells_json: JSON.stringify(cells), revision: revision + 1 })
      .where('project_id', '=', key.project_id)
      .where('deployment', '=', key.deployment)
      .where('version', '=', key.version)
      .where('source', '=', key.source)
      .where('hour_ms', '=', key.hour_ms)
      .execute()
  }
  return deleted
}
