import type { RoomLineage } from '../ports/db/lineage.ts'

/** Code snapshots, named by the first project version that had them. */
export const lineage: RoomLineage = {
  relations: [],
  facts: {
    async code(at, projectId, ids) {
      const rows = await at
        .selectFrom('project_version')
        .select('snapshot_sha256')
        .select((eb) => [
          eb.fn.min<number>('number').as('number'),
          eb.fn.min<number>('created_ms').as('created_ms'),
        ])
        .where('project_id', '=', projectId)
        .where('snapshot_sha256', 'in', ids)
        .groupBy('snapshot_sha256')
        .execute()
      return rows.map(({ snapshot_sha256, number, created_ms }) => ({
        id: snapshot_sha256,
        title: `project version ${number}`,
        detail: snapshot_sha256.slice(0, 8),
        atMs: created_ms,
      }))
    },
  },
}
