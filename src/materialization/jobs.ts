import type { Context } from '../http/context.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'
import { materialize, type Materialize } from './materialize.ts'
import { enqueueMaterialize, materializePayload } from '../features/features.ts'
import { summariseView } from './summarise-view.ts'

export const materializeJob: JobHandler = {
  kind: 'features.materialize',
  async run(context, { projectId, payload, signal, lastAttempt }) {
    const asked = { projectId, ...materializePayload.parse(payload) }
    try {
      await materialize(context, { ...asked, signal, untilMs: context.clock.now() })
    } catch (error) {
      if (lastAttempt && isPassing(error)) await askAgain(context, asked)
      throw error
    }
  },
}

const AGAIN_MS = 30_000

/** The online store is away, or another process is at it: neither may cost the view what this job was for. */
function isPassing(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'unavailable' || error.code === 'conflict')
}

/** The job has failed, and says so; another one follows, one for all that failed meanwhile. */
async function askAgain(
  { db }: Pick<Context, 'db'>,
  { projectId, view, definitionHash, complete = false, fromMs }: Omit<Materialize, 'untilMs' | 'signal'>,
): Promise<void> {
  await db.write(async (trx) => {
    const period = Math.floor((await db.wallTime(trx)) / AGAIN_MS)
    const spec = { view, definitionHash }
    const again = complete ? 'rebuild again' : `again${fromMs === undefined ? '' : ` from ${fromMs}`}`
    const runAtMs = (period + 2) * AGAIN_MS
    const cause = `${again}:${period}`
    await enqueueMaterialize(trx, { projectId, spec, runAtMs, cause, complete, fromMs })
  })
}

export const summariseJob: JobHandler = {
  kind: 'features.summarise',
  async run(context, { projectId, payload, signal }) {
    const { view, definitionHash } = payload
    if (typeof view !== 'string' || typeof definitionHash !== 'string') {
      throw new AppError('invalid', 'features.summarise needs a view and its definition hash')
    }
    await summariseView(context, { projectId, view, definitionHash, signal })
  },
}

export const materializationJobs = [materializeJob, summariseJob]
