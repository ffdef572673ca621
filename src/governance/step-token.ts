import type { Context } from '../http/context.ts'
import { holdsLease, type Job } from '../jobs/jobs.ts'
import type { Actor } from '../kernel/actor.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { Db } from '../ports/db/db.ts'
import { mintSecret } from './secrets.ts'
import { deleteStepTokens, findStepToken, insertStepToken } from './store-access.ts'

/** No step runs for so long: what is older was left behind by a worker that was killed. */
const LONGEST_MS = 90 * DAY_MS

export interface StepTokenFor {
  projectId: string
  executionId: string
  name: string
  /** The tracking run of the execution. */
  runId: string
  /** The attempt that runs it. */
  job: Pick<Job, 'id' | 'attempt'>
}

/**
 * The token of one execution of a step. It holds while the attempt of the job that runs the step holds its lease: not after the step has ended, not
 * when its worker has died, and not when another attempt has begun.
 */
export class StepToken implements AsyncDisposable {
  readonly token: string
  readonly #context: Pick<Context, 'db' | 'log'>
  readonly #executionId: string

  private constructor(context: Pick<Context, 'db' | 'log'>, token: string, executionId: string) {
    this.token = token
    this.#context = context
    this.#executionId = executionId
  }

  static async mint(context: Pick<Context, 'db' | 'log'>, step: StepTokenFor): Promise<StepToken> {
    const { secret, hash } = mintSecret('token')
    const { projectId, executionId, name, runId, job } = step
    await context.db.write(async (trx) => {
      const now = await context.db.wallTime(trx)
      await deleteStepTokens(trx, { executionId, beforeMs: now - LONGEST_MS })
      await insertStepToken(trx, {
        secret_hash: hash,
        project_id: projectId,
        execution_id: executionId,
        name,
        run_id: runId,
        job_id: job.id,
        job_attempt: job.attempt,
        created_ms: now,
      })
    })
    return new StepToken(context, secret, executionId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { db, log } = this.#context
    await db
      .write((trx) => deleteStepTokens(trx, { executionId: this.#executionId, beforeMs: 0 }))
      .catch((error: unknown) => log.warn({ err: error }, 'The token of a step ends with its lease'))
  }
}

/** Who acts by the token of a step that runs: it sees the project, and records under its own run. */
export async function findStepActor(
  db: Db,
  by: { hash: string } | { executionId: string },
): Promise<Actor | undefined> {
  const row = await findStepToken(db.read, by)
  if (!row) return undefined
  const held = { id: row.job_id, attempt: row.job_attempt }
  if (!(await holdsLease(db.read, held, await db.wallTime()))) return undefined
  const { project_id: projectId, execution_id, name, run_id: runId } = row
  return {
    id: `step:${execution_id}`,
    kind: 'step',
    name,
    grants: { [projectId]: 'viewer' },
    step: { projectId, runId },
  }
}
