import type { Job } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'

/** A text in a job's payload. */
export function payloadText({ kind, payload }: Pick<Job, 'kind' | 'payload'>, name: string): string {
  const value = payload[name]
  if (typeof value === 'string') return value
  throw new AppError('internal', `The payload of ${kind} lacks ${name}`)
}
