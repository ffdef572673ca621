import { amount } from '../kernel/amount.ts'
import type { RoomLineage } from '../ports/db/lineage.ts'

/** Dataset versions are where lineages begin: their edges are known to those that read them. */
export const lineage: RoomLineage = {
  relations: [],
  facts: {
    async dataset_version(at, projectId, ids) {
      const rows = await at
        .selectFrom('dataset_version as v')
        .innerJoin('dataset as d', 'd.id', 'v.dataset_id')
        .select(['v.id', 'v.number', 'v.rows', 'v.created_ms', 'd.name'])
        .where('v.project_id', '=', projectId)
        .where('v.id', 'in', ids)
        .execute()
      return rows.map(({ id, name, number, rows: count, created_ms }) => ({
        id,
        title: `${name} v${number}`,
        detail: `${amount(count)} rows`,
        atMs: created_ms,
        href: `/datasets/${encodeURIComponent(name)}?version=${number}`,
      }))
    },
  },
}
