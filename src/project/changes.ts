import { canonicalJson } from '../kernel/json.ts'
import type { ProjectDefinition } from './definition.ts'

export interface Change {
  /** What kind of definition: `dataset`, `step`, `pipeline`, … */
  what: string
  name: string
  change: 'added' | 'removed' | 'changed'
}

/** What differs between two project versions, definition by definition. */
export function changesBetween(before: ProjectDefinition | undefined, after: ProjectDefinition): Change[] {
  const old = before ? listsOf(before) : {}
  return Object.entries(listsOf(after)).flatMap(([what, now]) => {
    const known = old[what] ?? new Map<string, string>()
    const names = [...new Set([...known.keys(), ...now.keys()])].sort()
    return names.flatMap((name): Change[] => {
      const [was, is] = [known.get(name), now.get(name)]
      if (was === is) return []
      return [{ what, name, change: was === undefined ? 'added' : is === undefined ? 'removed' : 'changed' }]
    })
  })
}

function listsOf(definition: ProjectDefinition): Record<string, Map<string, string>> {
  const { data, features, registry, pipelines, serving, monitoring } = definition
  const lists: Record<string, readonly { name: string; id?: string }[]> = {
    dataset: data.datasets,
    entity: features.entities,
    'feature view': features.views,
    'on-demand feature': features.onDemand,
    'feature service': features.services,
    model: registry.models,
    step: pipelines.steps.filter(({ kind }) => kind !== 'built_in'),
    pipeline: pipelines.pipelines,
    deployment: serving.deployments,
    monitor: monitoring.monitors,
  }
  return Object.fromEntries(
    Object.entries(lists).map(([what, list]) => [
      what,
      new Map(list.map((item) => [item.id ?? item.name, canonicalJson(item)])),
    ]),
  )
}
