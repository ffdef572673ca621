import { listDatasets } from '../data/data.ts'
import type { Dataset } from '../data/schema.ts'
import { activePolicies } from '../privacy/definition.ts'
import type { Queryable } from '../ports/db/db.ts'
import { listErasedKeys } from '../privacy/privacy.ts'
import { toOnDemandSpec, type OnDemandDefinition } from './definition.ts'
import {
  type FeatureServiceSpec,
  rowColumns,
  type ServedFeatures,
  type ServedRowFunction,
  type ServedView,
  type ViewSpec,
} from './schema.ts'
import { listCurrentViews, listServedDefinitions, type StoredView } from './store.ts'
import type { FeatureDefinitionRow } from './tables.ts'

/** What every project declares of features now, as gateways follow it; projects without features are left out. */
export async function listServedFeatures(at: Queryable): Promise<ServedFeatures[]> {
  const definitions = await listServedDefinitions(at)
  const views = await listCurrentViews(at)
  const owners = [...views.map(({ projectId }) => projectId), ...definitions.map((row) => row.project_id)]
  const served: ServedFeatures[] = []
  for (const projectId of [...new Set(owners)].sort()) {
    const own = definitions.filter(({ project_id }) => project_id === projectId)
    const onDemand = own.filter(({ kind }) => kind === 'on_demand')
    const datasets = await listDatasets(at, projectId)
    const erased = await erasedKeys(at, projectId)
    served.push({
      projectId,
      views: views.filter((view) => view.projectId === projectId).map((view) => toServedView(view, datasets)),
      onDemand: onDemand.map(({ definition_json }) =>
        toOnDemandSpec(JSON.parse(definition_json) as OnDemandDefinition),
      ),
      services: own.filter(({ kind }) => kind === 'service').map(toService),
      codeSnapshot: onDemand[0]?.code_snapshot ?? null,
      ...(erased.length > 0 && { erased }),
    })
  }
  return served
}

async function erasedKeys(at: Queryable, projectId: string): Promise<NonNullable<ServedFeatures['erased']>> {
  const rows = await listErasedKeys(at, projectId)
  const groups = Map.groupBy(rows, ({ key_column, key_id }) => `${key_id} ${key_column}`)
  return [...groups.values()].map((same) => ({
    column: same[0]!.key_column,
    keyId: same[0]!.key_id,
    hashes: same.map(({ key_hash }) => key_hash),
  }))
}

function toServedView({ spec, codeSnapshot }: StoredView, datasets: readonly Dataset[]): ServedView {
  const { view, entity, entityKey, dataset, eventTime, createdTimestamp, ttlMs, features, definitionHash } =
    spec
  const rowFunction = toRowFunction(spec, codeSnapshot)
  const columns = [
    entityKey,
    eventTime,
    ...features.map(({ name }) => name),
    ...(rowFunction ? rowColumns(rowFunction) : []),
  ]
  const source = datasets.find(({ name }) => name === dataset)
  const changed = activePolicies(source?.definition.personal).map(([column]) => column)
  const personal = columns.filter((column) => changed.includes(column))
  return {
    view,
    entity,
    entityKey,
    dataset,
    eventTime,
    createdTimestamp,
    ttlMs,
    features,
    definitionHash,
    ...(personal.length > 0 && { personal }),
    ...(rowFunction && { rowFunction }),
  }
}

function toRowFunction(
  { view, source, row, features }: ViewSpec,
  codeSnapshot: string | null,
): ServedRowFunction | undefined {
  if (!row || !source || source.known.length > 0 || codeSnapshot === null) return undefined
  const { module, export: name, inputs, budgetMs } = row
  const { keys, time } = source
  return {
    keys,
    time,
    function: { name: view, module, export: name, inputs, outputs: features, budgetMs },
    codeSnapshot,
  }
}

function toService({ definition_json }: FeatureDefinitionRow): ServedFeatures['services'][number] {
  const { name, features } = JSON.parse(definition_json) as FeatureServiceSpec
  return { name, features }
}
