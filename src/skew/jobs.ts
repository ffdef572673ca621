import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
import { checkHours, type SnapshotFolder } from './check.ts'

const payload = z.object({
  monitor: z.string(),
  deployment: z.string(),
  model: z.string(),
  version: z.number(),
  hours: z.array(z.number()).min(1),
})

/** Code is unpacked by the process that runs the job. */
export function skewJobs(snapshotFolder: SnapshotFolder): JobHandler[] {
  return [
    {
      kind: 'skew.check',
      run: (context, job) => checkHours(context, job, { input: payload.parse(job.payload), snapshotFolder }),
    },
  ]
}
