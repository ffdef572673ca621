import type { JobHandler } from '../jobs/jobs.ts'
import { executeJob, type ExecuteParts } from './execute-job.ts'
import { EXECUTE_JOB } from './executions.ts'
import { REGISTER_JOB } from './consumers.ts'
import { registerJob } from './registration.ts'
import { runPipelineJob, type RunParts } from './run-job.ts'
import { RUN_JOB } from './runs.ts'

/** The jobs of this room; `parts` is what the worker brings. */
export function pipelineJobs(parts: RunParts & ExecuteParts): JobHandler[] {
  return [
    { kind: RUN_JOB, slot: 'pipeline', run: (context, job) => runPipelineJob(context, job, parts) },
    { kind: EXECUTE_JOB, slot: 'work', run: (context, job) => executeJob(context, job, parts) },
    { kind: REGISTER_JOB, run: (context, job) => registerJob(context, job) },
  ]
}
