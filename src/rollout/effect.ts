import type { Context } from '../http/context.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { finishEffect, getEffect, registrationsOf } from '../pipelines/pipelines.ts'
import type { Effect } from '../pipelines/schema.ts'
import { listModelVersions } from '../registry/registry.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { deploy } from './deploy.ts'
import { getDeployment } from './store.ts'
import { controller } from './transition.ts'

/**
 * Carries out a pipeline's `deploy`: finds the registered version of the model it names and brings it behind the deployment. While its run
 * may still register the model the effect stays requested: it is taken up again when a registration of the run, or the run, ends.
 */
export async function carryOutEffect(
  context: Pick<Context, 'db' | 'clock' | 'ids' | 'config'>,
  { projectId, effectId, isLastAttempt }: { projectId: string; effectId: string; isLastAttempt: boolean },
): Promise<void> {
  const key = { projectId, actor: controller, effectId }
  const { input, state, runId } = await getEffect(context, key)
  if (state !== 'requested') return
  try {
    const { model } = await getDeployment(context.db.read, { projectId, name: input.name })
    // Asked before the versions are read, so that none of them is overlooked.
    const registrations = await registrationsOf(context, runId)
    const versions = await versionsOf(context, { projectId, model, input })
    const own = versions.find(({ lineage }) => lineage.pipelineRunId === runId)
    if (registrations.underWay || (!own && registrations.mayCome)) return
    const version = (own ?? versions[0])?.version
    if (version === undefined) {
      throw new AppError(
        'not_found',
        `The run has ended and registered no version of ${model} with the model to be deployed: register it in the same pipeline`,
      )
    }
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

/** Versions with the model's bytes, or from the execution that made it; newest first. */
async function versionsOf(
  context: Pick<Context, 'db'>,
  { projectId, model, input }: { projectId: string; model: string; input: Effect['input'] },
): Promise<ModelVersion[]> {
  const versions = await listModelVersions(context, { projectId, actor: controller, model })
  return versions.filter(
    ({ onnxSha256, lineage }) =>
      onnxSha256 === input.model ||
      (input.executionId !== undefined && lineage.executionId === input.executionId),
  )
}
