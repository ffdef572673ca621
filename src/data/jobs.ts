import type { JobHandler } from '../jobs/jobs.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { ingest } from './ingest.ts'

/** Each rejection sets at least one file aside, so the good files of a delivery follow a bad one. */
const ROUNDS = 20

export const probeJob: JobHandler = {
  kind: 'data.probe',
  async run(context, { projectId, payload, signal }) {
    const dataset = payload['dataset']
    if (typeof dataset !== 'string') throw new AppError('invalid', 'data.probe needs the name of a dataset')
    const actor = systemActor('data.probe')
    for (let round = 0; round < ROUNDS && !signal.aborted; round++) {
      const result = await ingest(context, { projectId, actor, dataset })
      const again = result.state === 'rejected' || (result.state === 'created' && result.more)
      if (!again) return
    }
  },
}

export const dataJobs = [probeJob]
