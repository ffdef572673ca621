import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
import { checkHours } from './check.ts'

const payload = z.object({
  monitor: z.string(),
  deployment: z.string(),
  model: z.string(),
  version: z.number(),
  hours: z.array(z.number()).min(1),
})

export const jobs: JobHandler[] = [
  { kind: 'skew.check', run: (context, job) => checkHours(context, job, payload.parse(job.payload)) },
]
