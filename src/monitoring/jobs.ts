import { z } from 'zod'
import type { Consumer } from '../jobs/events.ts'
import { enqueue, type JobHandler } from '../jobs/jobs.ts'
import type { EventCatalogue } from '../kernel/events.ts'
import { ingestPredictions } from './ingest.ts'
import { judgeDue } from './judge.ts'
import { joinLabels } from './label-join.ts'
import { judgedParts } from './schema.ts'

const segment = z.object({ segmentId: z.string() })
const join = segment.extend({ waiting: z.boolean().default(false) })
const judge = z.object({ monitor: z.string(), part: z.enum(judgedParts) })

export const jobs: JobHandler[] = [
  {
    kind: 'monitoring.ingest',
    run: (context, job) => ingestPredictions(context, job, segment.parse(job.payload)),
  },
  { kind: 'monitoring.join', run: (context, job) => joinLabels(context, job, join.parse(job.payload)) },
  { kind: 'monitoring.judge', run: (context, job) => judgeDue(context, job, judge.parse(job.payload)) },
]

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
