import { sql } from 'kysely'
import { columnRelation, type RoomLineage } from '../ports/db/lineage.ts'
import type { ViewSpec } from '../features/schema.ts'

/**
 * A view is named by its name and the hash of its definition; which services take from it, the registry knows. Where it comes from is the
 * version that it was brought online from last.
 */
export const lineage: RoomLineage = {
  relations: [
    columnRelation({
      from: 'dataset_version',
      to: 'feature_view',
      source: 'feature_materialization t',
      columns: { from: 't.dataset_version_id', to: `t.view || '@' || t.definition_hash` },
      label: 'computed into',
    }),
  ],
  facts: {
    async feature_view(at, projectId, ids) {
      const hashes = ids.map((id) => id.slice(id.lastIndexOf('@') + 1))
      const rows = await at
        .selectFrom('feature_view')
        .select(['spec_json', 'created_ms', sql<string>`name || '@' || definition_hash`.as('id')])
        .where('project_id', '=', projectId)
        .where('definition_hash', 'in', hashes)
        .execute()
      return rows.map(({ id, spec_json, created_ms }) => {
        const { view, dataset, features } = JSON.parse(spec_json) as ViewSpec
        return {
          id,
          title: view,
          detail: `${features.length} ${features.length === 1 ? 'feature' : 'features'} of ${dataset}`,
          atMs: created_ms,
          href: `/features/views/${encodeURIComponent(view)}`,
        }
      })
    },
  },
}
