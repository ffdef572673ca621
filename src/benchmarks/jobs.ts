import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
import { PREPARE_JOB } from './benchmarks.ts'
import { evaluateSubmission, RANK_JOB, rankBenchmark } from './evaluate-submission.ts'
import { prepareBenchmark } from './prepare.ts'
import { EVALUATE_JOB } from './submit.ts'

const prepare = z.object({
  benchmarkId: z.string(),
  datasetVersionId: z.string().exactOptional(),
  fromMs: z.number().exactOptional(),
})
const evaluate = z.object({ submissionId: z.string() })
const rank = z.object({ benchmarkId: z.string() })

export const jobs: JobHandler[] = [
  { kind: PREPARE_JOB, run: (context, job) => prepareBenchmark(context, job, prepare.parse(job.payload)) },
  {
    kind: EVALUATE_JOB,
    run: (context, job) => evaluateSubmission(context, job, evaluate.parse(job.payload)),
  },
  { kind: RANK_JOB, run: (context, job) => rankBenchmark(context, job, rank.parse(job.payload)) },
]
