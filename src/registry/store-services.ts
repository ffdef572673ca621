import type { Queryable } from '../ports/db/db.ts'
import type { FeatureServiceReference, Stage } from './schema.ts'

/** A version that pins a feature service. */
export interface ServiceUser {
  modelVersionId: string
  model: string
  version: number
  stage: Stage
  aliases: string[]
  /** Of the service as it pins it: name and content. */
  serviceId: string
  createdMs: number
}

/** Versions that pin a feature service and are not deleted, newest first. */
export async function listServiceUsers(at: Queryable, projectId: string): Promise<ServiceUser[]> {
  const rows = await at
    .selectFrom('model_version as v')
    .innerJoin('registered_model as m', 'm.id', 'v.model_id')
    .select(['v.id', 'm.name', 'v.version', 'v.stage', 'v.feature_service_id', 'v.created_ms', 'v.model_id'])
    .where('v.project_id', '=', projectId)
    .where('v.deleted_ms', 'is', null)
    .where('v.feature_service_id', 'is not', null)
    .orderBy('v.created_ms', 'desc')
    .orderBy('v.version', 'desc')
    .execute()
  const aliases = await at
    .selectFrom('model_alias')
    .select(['model_id', 'version', 'alias'])
    .where('project_id', '=', projectId)
    .orderBy('alias')
    .execute()
  const named = Map.groupBy(aliases, (row) => `${row.model_id}/${row.version}`)
  return rows.map((row) => ({
    modelVersionId: row.id,
    model: row.name,
    version: row.version,
    stage: row.stage,
    aliases: (named.get(`${row.model_id}/${row.version}`) ?? []).map(({ alias }) => alias),
    serviceId: row.feature_service_id!,
    createdMs: row.created_ms,
  }))
}

/** Each feature service that versions pin, once for each content, by its id. */
export async function listPinnedServices(
  at: Queryable,
  projectId: string,
): Promise<Map<string, FeatureServiceReference>> {
  const rows = await at
    .selectFrom('model_version')
    .select(['feature_service_id', 'feature_service_json'])
    .where('id', 'in', (query) =>
      query
        .selectFrom('model_version')
        .select(({ fn }) => fn.min('id').as('id'))
        .where('project_id', '=', projectId)
        .where('deleted_ms', 'is', null)
        .where('feature_service_id', 'is not', null)
        .groupBy('feature_service_id'),
    )
    .execute()
  return new Map(
    rows.map((row) => [
      row.feature_service_id!,
      JSON.parse(row.feature_service_json!) as FeatureServiceReference,
    ]),
  )
}
