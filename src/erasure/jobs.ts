import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
import { runErasure } from './run.ts'

const payload = z.object({ erasureId: z.string() })

export const erasureJobs: JobHandler[] = [
  {
    kind: 'erasure.run',
    async run(context, job) {
      await runErasure(context, job, payload.parse(job.payload).erasureId)
    },
  },
]
