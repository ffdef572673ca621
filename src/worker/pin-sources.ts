import { latestVersion, loadManifest } from '../data/data.ts'
import { noVersionYet } from '../data/schema.ts'
import type { Context } from '../http/context.ts'
import { systemActor } from '../kernel/actor.ts'
import type { PinSources } from '../pipelines/pipelines.ts'
import { CHAMPION, findVersionByAlias } from '../registry/registry.ts'

const actor = systemActor('pipelines')

/** What `latest` and `champion` mean: the rooms `data` and `registry` know. */
export function pinSources(context: Pick<Context, 'db' | 'artifacts'>): PinSources {
  return {
    async dataset(projectId, name) {
      const version = await latestVersion(context, { projectId, dataset: name })
      if (!version) throw noVersionYet(name)
      const { parts } = await loadManifest(context, version)
      return {
        version: version.number,
        id: version.id,
        output: { kind: 'table', sha256: version.contentHash, parts: parts.map(({ sha256 }) => sha256) },
      }
    },
    async champion(projectId, name) {
      const version = await findVersionByAlias(context, { projectId, actor, model: name, alias: CHAMPION })
      if (version?.onnxSha256 === undefined) return undefined
      return {
        version: version.version,
        id: version.id,
        output: { kind: 'model', sha256: version.onnxSha256 },
      }
    },
  }
}
