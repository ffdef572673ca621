import type { Context } from '../http/context.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { finishEffect, getEffect } from '../pipelines/pipelines.ts'
import { listModelVersions } from '../registry/registry.ts'
import { deploy } from './deploy.ts'
import { getDeployment } from './store.ts'
import { controller } from './transition.ts'

/**
 * Carries out a pipeline's `deploy`: finds the registered version of the model it names and brings it behind the deployment.
 * Fails (to be tried again) while the version is not registered yet; on the last attempt the effect itself fails.
 */
export async function carryOutEffect(
  context: Pick<Context, 'db' | 'clock' | 'ids' | 'config'>,
  { projectId, effectId, isLastAttempt }: { projectId: string; effectId: string; isLastAttempt: boolean },
): Promise<void> {
  const key = { projectId, actor: controller, effectId }
  const { input, state } = await getEffect(context, key)
  if (state !== 'requested') return
  try {
    const { model } = await getDeployment(context.db.read, { projectId, name: input.name })
    const version = await registeredVersion(context, {
      projectId,
      model,
      sha256: input.model,
      executionId: input.executionId,
    })
    const { outcome, rolloutId, sentence } = await deploy(context, {
      projectId,
      actor: controller,
      deployment: input.name,
      model,
      version,
      cause: `effect:${effectId}`,
    })
    await finishEffect(context, { ...key, state: 'done', result: { version, outcome, rolloutId, sentence } })
  } catch (error) {
    const isRefused = error instanceof AppError && error.code !== 'unavailable' && error.code !== 'internal'
    if (!isRefused && !isLastAttempt) throw error
    await finishEffect(context, { ...key, state: 'failed', error: messageOf(error) })
  }
}

/** The newest version with the model's bytes, or from the execution that made it. */
async function registeredVersion(
  context: Pick<Context, 'db'>,
  wanted: { projectId: string; model: string; sha256: string; executionId?: string | undefined },
): Promise<number> {
  const { projectId, model, sha256, executionId } = wanted
  const versions = await listModelVersions(context, { projectId, actor: controller, model })
  const found = versions.find(
    ({ onnxSha256, lineage }) =>
      onnxSha256 === sha256 || (executionId !== undefined && lineage.executionId === executionId),
  )
  if (found) return found.version
  throw new AppError('unavailable', `The model to be deployed is not registered as a version of ${model} yet`)
}
