import { columnRelation, type RoomLineage } from '../ports/db/lineage.ts'

/** What watches a deployment. */
export const lineage: RoomLineage = {
  relations: [
    columnRelation({
      from: 'deployment',
      to: 'monitor',
      source: 'monitor t',
      columns: { from: 't.deployment', to: 't.name' },
      label: 'watched by',
    }),
  ],
  facts: {
    async monitor(at, projectId, ids) {
      const rows = await at
        .selectFrom('monitor')
        .select(['name', 'deployment', 'created_ms'])
        .where('project_id', '=', projectId)
        .where('name', 'in', ids)
        .execute()
      return rows.map(({ name, deployment, created_ms }) => ({
        id: name,
        title: name,
        detail: `watches ${deployment}`,
        atMs: created_ms,
        href: `/monitoring/${encodeURIComponent(deployment)}`,
      }))
    },
  },
}
