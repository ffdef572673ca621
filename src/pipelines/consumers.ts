import type { Consumer } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import type { EventCatalogue } from '../kernel/events.ts'
import { triggerConsumer } from './triggers.ts'

export const REGISTER_JOB = 'pipelines.register'

/** What pipelines ask to be registered becomes a job: it reads the model. */
export const registrationConsumer: Consumer = {
  name: 'pipelines.registrations',
  kinds: ['effect.requested'],
  async handle(_context, trx, event) {
    const { effectId, kind } = event.payload as EventCatalogue['effect.requested']
    if (kind !== 'register') return
    const { projectId } = event
    const uniqueKey = `${REGISTER_JOB}:${effectId}`
    await enqueue(trx, { projectId, kind: REGISTER_JOB, payload: { effectId }, uniqueKey, maxAttempts: 5 })
  },
}

export const consumers: readonly Consumer[] = [triggerConsumer, registrationConsumer]
