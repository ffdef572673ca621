import type { Context } from '../http/context.ts'
import type { Role } from '../kernel/actor.ts'
import { randomIds } from '../kernel/ids.ts'
import { mintSecret } from './secrets.ts'
import { deleteStepTokens, insertToken, updateTokenExpiry } from './store-access.ts'

const LEASE_MS = 15 * 60_000
const RENEW_MS = 5 * 60_000
const ROLE: Role = 'contributor'

type Held = Pick<Context, 'db' | 'log'>

/**
 * The token of one execution of a step: contributor in its project, and only as long as its worker lives and the execution runs. Another
 * attempt of the same execution ends it.
 */
export class StepToken implements AsyncDisposable {
  readonly token: string
  readonly #context: Held
  readonly #executionId: string
  readonly #renewal: NodeJS.Timeout

  private constructor(
    context: Held,
    { token, id, executionId }: { token: string; id: string; executionId: string },
  ) {
    this.token = token
    this.#context = context
    this.#executionId = executionId
    this.#renewal = setInterval(() => void this.#renew(id), RENEW_MS)
    this.#renewal.unref()
  }

  static async mint(
    context: Held,
    { projectId, executionId, name }: { projectId: string; executionId: string; name: string },
  ): Promise<StepToken> {
    const { secret: token, hash } = mintSecret('token')
    const id = randomIds.uuid()
    await context.db.write(async (trx) => {
      const now = Date.now()
      await deleteStepTokens(trx, { executionId, nowMs: now })
      await insertToken(trx, {
        id,
        project_id: projectId,
        user_id: null,
        execution_id: executionId,
        name,
        secret_hash: hash,
        role: ROLE,
        created_ms: now,
        expires_ms: now + LEASE_MS,
        used_ms: null,
        revoked_ms: null,
      })
    })
    return new StepToken(context, { token, id, executionId })
  }

  async #renew(id: string): Promise<void> {
    const { db, log } = this.#context
    await db
      .write((trx) => updateTokenExpiry(trx, id, Date.now() + LEASE_MS))
      .catch((error: unknown) => log.warn({ err: error }, 'The token of a step could not be renewed'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#renewal)
    const { db, log } = this.#context
    await db
      .write((trx) => deleteStepTokens(trx, { executionId: this.#executionId, nowMs: Date.now() }))
      .catch((error: unknown) => log.warn({ err: error }, 'The token of a step ends with its lease'))
  }
}
