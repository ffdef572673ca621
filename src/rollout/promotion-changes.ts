import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { CHAMPION, findAliasRow, getModelRow } from '../registry/registry.ts'
import { deploy } from './deploy.ts'
import { rollBack, stopRollout } from './intervene.ts'
import { findActiveRollout, findDeployment, getRollout } from './store.ts'
import { controller } from './transition.ts'

type Reach = Pick<Context, 'db' | 'clock' | 'ids' | 'config'>

/**
 * A promotion was rolled back: where its version serves, or is tried, and the one before stands ready, that one serves again at once.
 * Elsewhere the version before is deployed like any other.
 */
export async function followRollback(
  context: Reach,
  input: { projectId: string; deployment: string; model: string; version: number; cause: string },
): Promise<void> {
  const { projectId, deployment: name, version } = input
  const known = await findDeployment(context.db.read, { projectId, name })
  if (!known || known.model !== input.model) return
  // Set elsewhere since: what came after the rollback is not undone.
  const { id } = await getModelRow(context.db.read, projectId, input.model)
  if ((await findAliasRow(context.db.read, id, CHAMPION))?.version !== version) return
  const active = await findActiveRollout(context.db.read, { projectId, deployment: name })
  const before = active ? active.stable.version : known.previous?.version
  if (before === version) {
    const reason = 'the promotion was rolled back'
    await rollBack(context, { projectId, actor: controller, deployment: name, reason })
    return
  }
  await deploy(context, { ...input, actor: controller, whileAlias: CHAMPION })
}

/** A promotion was declined or withdrawn: the rollout that it had admitted ends, since its version may not become champion. */
export async function stopUnapproved(
  context: Reach,
  { projectId, rolloutId, state }: { projectId: string; rolloutId: string; state: string },
): Promise<void> {
  const { finishedMs } = await getRollout(context.db.read, { projectId, id: rolloutId })
  if (finishedMs !== null) return
  const reason = `the promotion that admitted it was ${state}`
  try {
    await stopRollout(context, { projectId, actor: controller, rolloutId, reason })
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error
  }
}
