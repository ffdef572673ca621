import { resolveService, withModulePath } from '../features/definition.ts'
import type { ServiceFacts } from '../pipelines/definition.ts'
import { moduleGraph } from './module-graph.ts'
import type { ProjectSource } from './definition.ts'

/** The feature services of a loaded project, complete, with hashes of the code behind their on-demand features. */
export async function servicesOf(root: string, source: ProjectSource): Promise<Map<string, ServiceFacts>> {
  const definitions = {
    entities: [...source.entities],
    views: [...source.views],
    onDemand: source.onDemand.map((definition) => withModulePath(definition, root)),
    services: [...source.services],
  }
  const timeOf = new Map(source.datasets.map(({ name, time }) => [name, time]))
  const services = new Map<string, ServiceFacts>()
  for (const service of source.services) {
    const spec = resolveService(service, definitions)
    const graph = await moduleGraph(
      root,
      spec.onDemand.map(({ module }) => module),
    )
    const times = spec.views.flatMap(({ dataset }) => {
      const time = timeOf.get(dataset)
      return time === undefined ? [] : [[dataset, time] as const]
    })
    services.set(service.name, {
      spec,
      code: Object.fromEntries([...graph.values()].map(({ path, sha256 }) => [path, sha256])),
      times: Object.fromEntries(times),
    })
  }
  return services
}
