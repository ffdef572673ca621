import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
import { rollSegment } from './roll.ts'

const rollPayload = z.object({ segmentId: z.string() })

export const jobs: JobHandler[] = [
  {
    kind: 'serving.roll',
    async run(context, job) {
      await rollSegment(context, job, rollPayload.parse(job.payload))
    },
  },
]
