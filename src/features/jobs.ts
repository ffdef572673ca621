import type { DomainEvent, EventCatalogue } from '../kernel/events.ts'
import type { Consumer } from '../jobs/events.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'
import { materialize } from './features.ts'
import { enqueueMaterialize } from './materialize-request.ts'
import { listLiveViews } from './store.ts'

export const materializeJob: JobHandler = {
  kind: 'features.materialize',
  async run(context, { projectId, payload, signal }) {
    const { view, definitionHash, complete = false } = payload
    if (typeof view !== 'string' || typeof definitionHash !== 'string' || typeof complete !== 'boolean') {
      throw new AppError('invalid', 'features.materialize needs a view and its definition hash')
    }
    await materialize(context, {
      projectId,
      view,
      definitionHash,
      complete,
      signal,
      untilMs: context.clock.now(),
    })
  },
}

export const featureJobs = [materializeJob]

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
