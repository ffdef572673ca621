import { columnRelation, type RoomLineage } from '../ports/db/lineage.ts'
import type { Fingerprint } from './fingerprint.ts'

/**
 * Executions belong to the run that made them: a run that reused one did not cause it. Which execution gave which one its input is
 * read from the calls of that run.
 */
export const lineage: RoomLineage = {
  relations: [
    columnRelation({
      from: 'code',
      to: 'pipeline_run',
      source: 'pipeline_run t',
      columns: { from: 't.snapshot_sha256', to: 't.id' },
      label: 'ran as',
    }),
    columnRelation({
      from: 'dataset_version',
      to: 'pipeline_run',
      source: 'run_pin t',
      columns: { from: 't.pinned_id', to: 't.run_id' },
      where: `t.kind = 'dataset'`,
      label: 'pinned by',
    }),
    columnRelation({
      from: 'dataset_version',
      to: 'execution',
      source: `run_pin t join execution e on e.run_id = t.run_id and e.project_id = t.project_id
        and e.inputs_json like '%"' || t.pinned_sha256 || '"%'`,
      columns: { from: 't.pinned_id', to: 'e.id' },
      where: `t.kind = 'dataset'`,
      label: 'read by',
    }),
    columnRelation({
      from: 'pipeline_run',
      to: 'execution',
      source: 'execution t',
      columns: { from: 't.run_id', to: 't.id' },
      label: 'ran',
      shortcut: true,
    }),
    columnRelation({
      from: 'execution',
      to: 'execution',
      source: `step_run t join step_run d on d.run_id = t.run_id and d.upstream_json like '%"' || t.id || '"%'
        join execution e on e.id = d.execution_id and e.run_id = d.run_id`,
      columns: { from: 't.execution_id', to: 'd.execution_id' },
      label: 'fed',
    }),
    columnRelation({
      from: 'environment',
      to: 'execution',
      source: 'execution t',
      columns: { from: 't.environment_sha256', to: 't.id' },
      label: 'held for',
    }),
    columnRelation({
      from: 'pipeline_run',
      to: 'run',
      source: 'pipeline_run t',
      columns: { from: 't.id', to: 't.tracking_run_id' },
      label: 'tracked as',
      record: true,
    }),
    columnRelation({
      from: 'execution',
      to: 'run',
      source: 'execution t',
      columns: { from: 't.id', to: 't.tracking_run_id' },
      label: 'tracked as',
      record: true,
    }),
  ],
  facts: {
    async pipeline_run(at, projectId, ids) {
      const rows = await at
        .selectFrom('pipeline_run')
        .select(['id', 'pipeline', 'state', 'at_ms'])
        .where('project_id', '=', projectId)
        .where('id', 'in', ids)
        .execute()
      return rows.map(({ id, pipeline, state, at_ms }) => ({
        id,
        title: pipeline,
        detail: state,
        atMs: at_ms,
        href: `/pipeline-runs/${id}`,
      }))
    },
    async execution(at, projectId, ids) {
      const rows = await at
        .selectFrom('execution as e')
        .innerJoin('pipeline_run as r', 'r.id', 'e.run_id')
        .leftJoin('step_run as s', (join) =>
          join.onRef('s.execution_id', '=', 'e.id').onRef('s.run_id', '=', 'e.run_id'),
        )
        .select(['e.id', 'e.step_name', 'e.state', 'e.run_id', 'r.at_ms'])
        .select((eb) => eb.fn.min<string | null>('s.id').as('step_run_id'))
        .where('e.project_id', '=', projectId)
        .where('e.id', 'in', ids)
        .groupBy(['e.id', 'e.step_name', 'e.state', 'e.run_id', 'r.at_ms'])
        .execute()
      return rows.map(({ id, step_name, state, at_ms, run_id, step_run_id }) => ({
        id,
        title: step_name,
        detail: state,
        atMs: at_ms,
        href: `/pipeline-runs/${run_id}${step_run_id === null ? '' : `?step=${step_run_id}`}`,
      }))
    },
    async environment(at, projectId, ids) {
      const rows = await at
        .selectFrom('execution')
        .select(['environment_sha256', 'fingerprint_json', 'created_ms'])
        .where((eb) =>
          eb(
            'id',
            'in',
            eb
              .selectFrom('execution')
              .select((first) => first.fn.min('id').as('id'))
              .where('project_id', '=', projectId)
              .where('environment_sha256', 'in', ids)
              .groupBy('environment_sha256'),
          ),
        )
        .execute()
      return rows.map(({ environment_sha256, fingerprint_json, created_ms }) => ({
        id: environment_sha256!,
        title: Object.keys((JSON.parse(fingerprint_json) as Fingerprint).environment).join(', '),
        detail: environment_sha256!.slice(0, 8),
        atMs: created_ms,
      }))
    },
  },
}
