import { sql } from 'kysely'
import { columnRelation, type RoomLineage } from '../ports/db/lineage.ts'

const DATASET = `(t.name || '@' || t.digest)`
const COMMIT = `('git:' || substr(t.value, 1, 64))`
const REQUIREMENTS = '/artifacts/requirements.txt'

/**
 * What MLflow's clients tell: the datasets and models that a run read and wrote, the run it is nested in, the commit, and the
 * `requirements.txt` that a logged model carries. A logged dataset is named by name and digest, in whatever experiment.
 */
export const lineage: RoomLineage = {
  relations: [
    columnRelation({
      from: 'logged_dataset',
      to: 'run',
      source: {
        from: 'run_dataset t join run_input i on i.dataset_id = t.id',
        to: 'run_input i join run_dataset t on t.id = i.dataset_id',
      },
      columns: { from: DATASET, to: 'i.run_id' },
      label: { column: `coalesce(i.context, 'read by')` },
    }),
    columnRelation({
      from: 'run',
      to: 'run',
      source: 'run t',
      columns: { from: 't.parent_run_id', to: 't.id' },
      label: 'holds',
    }),
    columnRelation({
      from: 'run',
      to: 'logged_model',
      source: 'logged_model t',
      columns: { from: 't.source_run_id', to: 't.id' },
      label: 'logged',
    }),
    columnRelation({
      from: 'run',
      to: 'logged_model',
      source: 'run_model t',
      columns: { from: 't.run_id', to: 't.logged_model_id' },
      where: `t.direction = 'output'`,
      label: 'logged',
    }),
    columnRelation({
      from: 'logged_model',
      to: 'run',
      source: 'run_model t join logged_model m on m.id = t.logged_model_id',
      columns: { from: 't.logged_model_id', to: 't.run_id' },
      // A run that evaluates the model it has just logged does not come of it.
      where: `t.direction = 'input' and coalesce(m.source_run_id, '') <> t.run_id`,
      label: 'used by',
    }),
    columnRelation({
      from: 'code',
      to: 'run',
      source: 'run_tag t',
      columns: { from: COMMIT, to: 't.run_id' },
      where: `t.key = 'mlflow.source.git.commit'`,
      label: 'ran as',
    }),
    columnRelation({
      from: 'environment',
      to: 'logged_model',
      source: {
        // An id has 34 characters; of what ends otherwise nothing is found.
        from: `artifact_file f join logged_model t on t.id = substr(f.path, length(f.path) - ${REQUIREMENTS.length + 33}, 34)
          and f.path = substr(t.artifact_uri, 19) || '/requirements.txt' and f.project_id || '' = t.project_id`,
        to: `logged_model t join artifact_file f on f.project_id = t.project_id
          and f.path = substr(t.artifact_uri, 19) || '/requirements.txt'`,
      },
      columns: { from: 'f.sha256', to: 't.id' },
      label: 'needed by',
    }),
  ],
  facts: {
    async run(at, projectId, ids) {
      const rows = await at
        .selectFrom('run')
        .select(['id', 'name', 'status', 'start_ms', 'lifecycle'])
        .where('project_id', '=', projectId)
        .where('id', 'in', ids)
        .execute()
      return rows.map(({ id, name, status, start_ms, lifecycle }) => ({
        id,
        title: name,
        detail: lifecycle === 'deleted' ? 'deleted' : status.toLowerCase(),
        atMs: start_ms,
        href: `/runs/${id}`,
      }))
    },
    async logged_model(at, projectId, ids) {
      const rows = await at
        .selectFrom('logged_model')
        .select(['id', 'name', 'model_type', 'created_ms', 'lifecycle'])
        .where('project_id', '=', projectId)
        .where('id', 'in', ids)
        .execute()
      return rows.map(({ id, name, model_type, created_ms, lifecycle }) => ({
        id,
        title: name,
        detail: lifecycle === 'deleted' ? 'deleted' : (model_type ?? id.slice(0, 10)),
        atMs: created_ms,
      }))
    },
    async logged_dataset(at, projectId, ids) {
      const identity = sql<string>`(name || '@' || digest)`
      const rows = await at
        .selectFrom('run_dataset')
        .select(['name', 'digest', identity.as('id')])
        .select((eb) => eb.fn.min<number>('created_ms').as('created_ms'))
        .where('project_id', '=', projectId)
        .where(identity, 'in', ids)
        .groupBy(['name', 'digest'])
        .execute()
      return rows.map(({ id, name, digest, created_ms }) => ({
        id,
        title: name,
        detail: digest,
        atMs: created_ms,
      }))
    },
    async code(at, projectId, ids) {
      const rows = await at
        .selectFrom('run_tag')
        .select('value')
        .distinct()
        .where('project_id', '=', projectId)
        .where('key', '=', 'mlflow.source.git.commit')
        .where(sql<string>`('git:' || substr(value, 1, 64))`, 'in', ids)
        .execute()
      return rows.map(({ value }) => ({
        id: `git:${value.slice(0, 64)}`,
        title: `commit ${value.slice(0, 8)}`,
      }))
    },
    async environment(at, projectId, ids) {
      const rows = await at
        .selectFrom('artifact_file')
        .select('sha256')
        .select((eb) => eb.fn.min<number>('created_ms').as('created_ms'))
        .where('project_id', '=', projectId)
        .where('sha256', 'in', ids)
        .where('path', 'like', `%${REQUIREMENTS}`)
        .groupBy('sha256')
        .execute()
      return rows.map(({ sha256, created_ms }) => ({
        id: sha256,
        title: 'requirements.txt',
        detail: sha256.slice(0, 8),
        atMs: created_ms,
      }))
    },
  },
}
