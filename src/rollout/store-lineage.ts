import { columnRelation, type RoomLineage } from '../ports/db/lineage.ts'

/** Which versions a deployment serves, tries, or has tried. */
export const lineage: RoomLineage = {
  relations: [
    columnRelation({
      from: 'model_version',
      to: 'deployment',
      source: 'deployment t',
      columns: { from: 't.stable_version_id', to: 't.name' },
      label: 'serves',
    }),
    columnRelation({
      from: 'model_version',
      to: 'deployment',
      source: 'rollout t',
      columns: { from: 't.candidate_version_id', to: 't.deployment' },
      label: {
        column: `case when t.state in ('shadow', 'canary') then 'on trial' when t.state = 'succeeded' then 'served before'
          else 'was tried' end`,
      },
    }),
    columnRelation({
      from: 'model_version',
      to: 'deployment',
      source: 'rollout t',
      columns: { from: 't.stable_version_id', to: 't.deployment' },
      label: 'served before',
    }),
  ],
  facts: {
    async deployment(at, projectId, ids) {
      const rows = await at
        .selectFrom('deployment')
        .select(['name', 'model', 'stable_version', 'updated_ms'])
        .where('project_id', '=', projectId)
        .where('name', 'in', ids)
        .execute()
      return rows.map(({ name, model, stable_version, updated_ms }) => ({
        id: name,
        title: name,
        detail: stable_version === null ? 'serves nothing yet' : `serves ${model}/${stable_version}`,
        atMs: updated_ms,
        href: `/deployments/${encodeURIComponent(name)}`,
      }))
    },
  },
}
