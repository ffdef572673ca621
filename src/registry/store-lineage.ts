import { inPieces } from '../ports/db/pieces.ts'
import { amount } from '../kernel/amount.ts'
import { z } from 'zod'
import { hashJson } from '../kernel/json.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { columnRelation, type RoomLineage } from '../ports/db/lineage.ts'
import type { Evaluation, FeatureServiceReference } from './schema.ts'

const servedViews = z.object({
  views: z.array(z.looseObject({ view: z.string(), definitionHash: z.string() })),
})

/** A feature service as a version pins it: its name and its content. */
export function serviceId({ name, spec }: FeatureServiceReference): string {
  return `${name}@${hashJson(spec).slice(0, 16)}`
}

/** Keeps from which views a service takes; that it is known already is no error. */
export async function insertServedViews(
  trx: Trx,
  projectId: string,
  service: FeatureServiceReference,
): Promise<void> {
  const { data } = servedViews.safeParse(service.spec)
  if (!data || data.views.length === 0) return
  const rows = data.views.map(({ view, definitionHash }) => ({
    project_id: projectId,
    service_id: serviceId(service),
    view_id: `${view}@${definitionHash}`,
  }))
  await trx
    .insertInto('served_view')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['project_id', 'service_id', 'view_id']).doNothing())
    .execute()
}

const version = (
  from: 'run' | 'logged_model' | 'feature_service' | 'execution',
  column: string,
  label: string,
) =>
  columnRelation({
    from,
    to: 'model_version',
    source: 'model_version t',
    columns: { from: column, to: 't.id' },
    label,
  })

/** What a pipeline's steps tell in more detail; it stands alone for a version that was registered otherwise. */
const shortcut = (from: 'pipeline_run' | 'dataset_version' | 'code', column: string, label: string) =>
  columnRelation({
    from,
    to: 'model_version',
    source: 'model_version t',
    columns: { from: column, to: 't.id' },
    label,
    shortcut: true,
  })

/** Where versions came from, and how they were judged. Deleted ones stay in: a lineage does not end because a name was removed. */
export const lineage: RoomLineage = {
  relations: [
    version('execution', 't.execution_id', 'made'),
    version('run', 't.run_id', 'registered as'),
    version('logged_model', 't.logged_model_id', 'registered as'),
    version('feature_service', 't.feature_service_id', 'feeds'),
    shortcut('pipeline_run', 't.pipeline_run_id', 'registered'),
    shortcut('dataset_version', 't.dataset_version_id', 'trained'),
    shortcut('code', 't.code_snapshot', 'made'),
    columnRelation({
      from: 'feature_view',
      to: 'feature_service',
      source: 'served_view t',
      columns: { from: 't.view_id', to: 't.service_id' },
      label: 'part of',
    }),
    columnRelation({
      from: 'model_version',
      to: 'evaluation',
      source: 'evaluation_subject t',
      columns: { from: 't.model_version_id', to: 't.evaluation_id' },
      label: { column: `'judged as ' || t.role` },
    }),
  ],
  facts: {
    async model_version(at, projectId, ids) {
      const rows = await at
        .selectFrom('model_version as v')
        .innerJoin('registered_model as m', 'm.id', 'v.model_id')
        .leftJoin('model_alias as a', (join) =>
          join.onRef('a.model_id', '=', 'v.model_id').onRef('a.version', '=', 'v.version'),
        )
        .select(['v.id', 'v.version', 'v.created_ms', 'v.deleted_ms', 'm.name', 'a.alias'])
        .where('v.project_id', '=', projectId)
        .where('v.id', 'in', ids)
        .orderBy('a.alias')
        .execute()
      return [...Map.groupBy(rows, (row) => row.id).values()].map((same) => {
        const { id, name, version: number, created_ms, deleted_ms } = same[0]!
        const aliases = same.flatMap(({ alias }) => (alias === null ? [] : [alias]))
        return {
          id,
          title: `${name}/${number}`,
          ...(aliases.length > 0 && { detail: aliases.join(', ') }),
          ...(deleted_ms !== null && { detail: 'deleted' }),
          atMs: created_ms,
          ...(deleted_ms === null && { href: `/models/${encodeURIComponent(name)}/versions/${number}` }),
        }
      })
    },
    async feature_service(at, projectId, ids) {
      const rows = await at
        .selectFrom('model_version')
        .select(['feature_service_id', 'feature_service_json', 'created_ms'])
        .where('project_id', '=', projectId)
        .where('feature_service_id', 'in', ids)
        .orderBy('created_ms', 'desc')
        .execute()
      const first = new Map(rows.map((row) => [row.feature_service_id!, row]))
      return [...first].map(([id, { feature_service_json, created_ms }]) => {
        const { name, spec } = JSON.parse(feature_service_json!) as FeatureServiceReference
        const { features } = spec as { features?: unknown[] }
        return {
          id,
          title: name,
          ...(features && { detail: `${features.length} features` }),
          atMs: created_ms,
          href: `/features/services/${encodeURIComponent(name)}`,
        }
      })
    },
    async evaluation(at, projectId, ids) {
      const rows = await at
        .selectFrom('evaluation')
        .select(['id', 'document_json', 'created_ms'])
        .where('project_id', '=', projectId)
        .where('id', 'in', ids)
        .execute()
      return rows.map(({ id, document_json, created_ms }) => {
        const { holdout } = JSON.parse(document_json) as Evaluation
        return {
          id,
          title: `on ${holdout.digest.slice(0, 8)}`,
          detail: `${amount(holdout.rows)} rows, ${holdout.days.length} days`,
          atMs: created_ms,
        }
      })
    },
  },
}

export interface Reference {
  id: string
  /** The version that refers to it, such as `late/3`. */
  version: string
}

/** Of these runs, or logged models, those that a version which is not deleted came from. */
export async function listReferences(
  at: Queryable,
  column: 'run_id' | 'logged_model_id',
  ids: readonly string[],
): Promise<Reference[]> {
  const rows = await inPieces(ids, (piece) =>
    at
      .selectFrom('model_version as v')
      .innerJoin('registered_model as m', 'm.id', 'v.model_id')
      .select([`v.${column} as id`, 'm.name', 'v.version'])
      .where(`v.${column}`, 'in', piece)
      .where('v.deleted_ms', 'is', null)
      .orderBy('m.name')
      .orderBy('v.version')
      .execute(),
  )
  return rows.map(({ id, name, version }) => ({ id: id!, version: `${name}/${version}` }))
}

/** Of these dataset versions, those that a model version was trained on. */
export async function listDatasetVersionUses(
  at: Queryable,
  ids: readonly string[],
): Promise<{ id: string; what: string }[]> {
  const rows = await at
    .selectFrom('model_version as v')
    .innerJoin('registered_model as m', 'm.id', 'v.model_id')
    .select(['v.dataset_version_id', 'm.name', 'v.version'])
    .where('v.dataset_version_id', 'in', ids)
    .where('v.deleted_ms', 'is', null)
    .execute()
  return rows.map(({ dataset_version_id, name, version }) => ({
    id: dataset_version_id!,
    what: `the model version ${name}/${version}`,
  }))
}
