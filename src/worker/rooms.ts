import type { JobHandler } from '../jobs/jobs.ts'

/** The jobs that each room brings to the worker. */
export const roomJobs: readonly JobHandler[] = []
