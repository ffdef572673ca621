import type { Consumer } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import type { EventCatalogue } from '../kernel/events.ts'

/** Each rolled segment is taken in once: predictions are counted, labels are joined. */
export const consumers: Consumer[] = [
  {
    name: 'monitoring.segments',
    kinds: ['segment.rolled'],
    async handle(_context, trx, event) {
      const { segmentId, kind } = event.payload as EventCatalogue['segment.rolled']
      const job = kind === 'prediction' ? 'monitoring.ingest' : 'monitoring.join'
      await enqueue(trx, {
        projectId: event.projectId,
        kind: job,
        payload: { segmentId },
        uniqueKey: `${job}:${segmentId}`,
        maxAttempts: 10,
        // Rollouts wait for counts: a backlog of labels must not hold them up.
        priority: kind === 'prediction' ? 3 : 0,
      })
    },
  },
]
