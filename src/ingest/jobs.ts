import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
import { systemActor, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { ingest } from './ingest.ts'
import type { VersionCause } from '../data/schema.ts'

/** Each rejection sets at least one file aside, so the good files of a delivery follow a bad one. */
const ROUNDS = 20

/** `requestedBy` is whoever asked for it; without it the interval of the dataset did. */
const probePayload = z.object({
  dataset: z.string(),
  requestedBy: z
    .object({ id: z.string(), name: z.string(), kind: z.enum(['owner', 'user', 'token', 'system', 'step']) })
    .optional(),
})

export const probeJob: JobHandler = {
  kind: 'data.probe',
  async run(context, { id, projectId, payload, signal }) {
    const { success, data } = probePayload.safeParse(payload)
    if (!success) throw new AppError('invalid', 'data.probe needs the name of a dataset')
    const { dataset, requestedBy } = data
    const { grants, ...prober } = systemActor('data.probe')
    const actor: Actor = { ...(requestedBy ?? prober), grants }
    const cause: VersionCause = { kind: causeKindOf(requestedBy), reference: id }
    // A version is progress, however many there are.
    for (let fruitless = 0; fruitless < ROUNDS && !signal.aborted;) {
      const result = await ingest(context, { projectId, actor, dataset, cause, signal })
      if (result.state !== 'rejected' && !result.more) return
      if (result.state !== 'created') fruitless++
    }
  },
}

function causeKindOf(requestedBy: Pick<Actor, 'kind'> | undefined): VersionCause['kind'] {
  if (requestedBy === undefined) return 'probe'
  return requestedBy.kind === 'step' ? 'pipeline' : 'request'
}

export const ingestJobs = [probeJob]
