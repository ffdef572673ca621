import type { Consumer } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import type { DomainEvent, EventCatalogue } from '../kernel/events.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { enqueueMaterialize, listLiveViews } from '../features/features.ts'

/** Once a day of domain time, and when a definition first has values, a view's values are summarised. */
export const summariseOnMaterialized: Consumer = {
  name: 'features.summarise',
  kinds: ['features.materialized'],
  async handle(_context, trx, { projectId, payload }: DomainEvent) {
    const { view: name, untilMs } = payload as EventCatalogue['features.materialized']
    const day = Math.floor(untilMs / DAY_MS)
    for (const { spec, current } of await listLiveViews(trx, { projectId, name })) {
      if (!current) continue
      const { view, definitionHash } = spec
      await enqueue(trx, {
        projectId,
        kind: 'features.summarise',
        payload: { view, definitionHash },
        uniqueKey: `features.summarise:${projectId}:${view}:${definitionHash}:${day}`,
      })
    }
  },
}

/** New data reach the online store by themselves. */
export const materializeOnNewData: Consumer = {
  name: 'features.materialize',
  kinds: ['dataset.version_created'],
  async handle(_context, trx, { projectId, payload }: DomainEvent) {
    const { name, versionId } = payload as EventCatalogue['dataset.version_created']
    for (const { spec } of await listLiveViews(trx, { projectId })) {
      if (spec.dataset === name) await enqueueMaterialize(trx, { projectId, spec, cause: versionId })
    }
  },
}

export const consumers: readonly Consumer[] = [materializeOnNewData, summariseOnMaterialized]
