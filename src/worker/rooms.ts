import { jobs as benchmarkJobs } from '../benchmarks/jobs.ts'
import { ingestJobs } from '../ingest/jobs.ts'
import { erasureJobs } from '../erasure/jobs.ts'
import { materializationJobs } from '../materialization/jobs.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { jobs as monitoringJobs } from '../monitoring/jobs.ts'
import { jobs as rolloutJobs } from '../rollout/jobs.ts'
import { jobs as predictionLogJobs } from '../prediction-log/jobs.ts'
import { jobs as skewJobs } from '../skew/jobs.ts'
import { openLineageJobs } from '../protocols/openlineage/jobs.ts'
import { webhookJobs } from '../webhooks/jobs.ts'

/** The jobs that each room brings to the worker. */
export const roomJobs: readonly JobHandler[] = [
  ...ingestJobs,
  ...materializationJobs,
  ...benchmarkJobs,
  ...predictionLogJobs,
  ...rolloutJobs,
  ...monitoringJobs,
  ...erasureJobs,
  ...skewJobs,
  ...webhookJobs,
  ...openLineageJobs,
]
