import type { Queryable } from '../ports/db/db.ts'
import { toOnDemandSpec, type OnDemandDefinition } from './definition.ts'
import type { FeatureServiceSpec, ServedFeatures, ServedView, ViewSpec } from './schema.ts'
import { listServedDefinitions, listCurrentViews } from './store.ts'
import type { FeatureDefinitionRow } from './tables.ts'

/** What every project declares of features now, as gateways follow it; projects without features are left out. */
export async function listServedFeatures(at: Queryable): Promise<ServedFeatures[]> {
  const definitions = await listServedDefinitions(at)
  const views = await listCurrentViews(at)
  const projectIds = new Set([...views, ...definitions.map(toOwner)].map(({ projectId }) => projectId))
  return [...projectIds].sort().map((projectId) => {
    const own = definitions.filter(({ project_id }) => project_id === projectId)
    const onDemand = own.filter(({ kind }) => kind === 'on_demand')
    return {
      projectId,
      views: views.filter((view) => view.projectId === projectId).map(({ spec }) => toServedView(spec)),
      onDemand: onDemand.map(({ definition_json }) =>
        toOnDemandSpec(JSON.parse(definition_json) as OnDemandDefinition),
      ),
      services: own.filter(({ kind }) => kind === 'service').map(toService),
      codeSnapshot: onDemand[0]?.code_snapshot ?? null,
    }
  })
}

function toOwner({ project_id }: FeatureDefinitionRow): { projectId: string } {
  return { projectId: project_id }
}

function toServedView(spec: ViewSpec): ServedView {
  const { view, entity, entityKey, dataset, eventTime, createdTimestamp, ttlMs, features, definitionHash } =
    spec
  return { view, entity, entityKey, dataset, eventTime, createdTimestamp, ttlMs, features, definitionHash }
}

function toService({ definition_json }: FeatureDefinitionRow): ServedFeatures['services'][number] {
  const { name, features } = JSON.parse(definition_json) as FeatureServiceSpec
  return { name, features }
}
