import {
  type FeatureDefinitions,
  type FeatureViewDefinition,
  knownColumnsOf,
  resolveService,
  withModulePath,
  withRowModule,
} from '../features/definition.ts'
import type { ServiceFacts } from '../steps/definition.ts'
import { closureOf, moduleGraph, type ProjectModule } from './module-graph.ts'
import type { ProjectSource } from './definition.ts'

/** The feature definitions of a loaded project as a project version stores them, and the modules that their functions reach. */
export async function featuresOf(
  root: string,
  source: ProjectSource,
): Promise<{ definitions: FeatureDefinitions; modules: Map<string, ProjectModule> }> {
  const onDemand = source.onDemand.map((definition) => withModulePath(definition, root))
  const located = source.views.map((view) => withRowModule(view, root))
  const rows = located.flatMap(({ row }) => (row ? [row.module] : []))
  const modules = await moduleGraph(root, [...onDemand.map(({ module }) => module), ...rows])
  const views = located.map((view): FeatureViewDefinition => {
    if (!view.row) return view
    return { ...view, row: { ...view.row, code: hashesOf(closureOf(modules, view.row.module)) } }
  })
  const { entities, services } = source
  return {
    definitions: { entities: [...entities], views, onDemand, services: [...services] },
    modules,
  }
}

/** The feature services of a loaded project, complete, with hashes of the code behind their functions. */
export async function servicesOf(root: string, source: ProjectSource): Promise<Map<string, ServiceFacts>> {
  const { definitions, modules } = await featuresOf(root, source)
  const timeOf = new Map(source.datasets.map(({ name, time }) => [name, time]))
  const known = source.datasets.flatMap((dataset) => {
    const columns = knownColumnsOf(dataset)
    return columns.length === 0
      ? []
      : [[dataset.name, { dataset: dataset.name, time: dataset.time!, columns }] as const]
  })
  const services = new Map<string, ServiceFacts>()
  for (const service of source.services) {
    const spec = resolveService(service, definitions, source.datasets)
    const entries = [
      ...spec.onDemand.map(({ module }) => module),
      ...spec.views.flatMap(({ row }) => (row ? [row.module] : [])),
    ]
    const times = spec.views.flatMap(({ dataset }) => {
      const time = timeOf.get(dataset)
      return time === undefined ? [] : [[dataset, time] as const]
    })
    services.set(service.name, {
      spec,
      code: hashesOf(entries.flatMap((path) => closureOf(modules, path))),
      times: Object.fromEntries(times),
      known: Object.fromEntries(known),
    })
  }
  return services
}

function hashesOf(modules: readonly ProjectModule[]): Record<string, string> {
  return Object.fromEntries(modules.map(({ path, sha256 }) => [path, sha256]))
}
