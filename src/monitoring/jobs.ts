import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
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
