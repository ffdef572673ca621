import type { Context } from '../http/context.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { findImportance, getModelVersionById } from '../registry/registry.ts'
import { getDeployment } from '../rollout/rollout.ts'
import { loadReference, type Reference } from './reference.ts'
import type { Monitor } from './schema.ts'

const judge = systemActor('monitoring')

/** What a monitor compares with: the stable version of its deployment, and that version's reference. */
export interface Watched {
  version: number
  modelVersionId: string
  /** Undefined when the version came without a reference profile: then only its feeds can be judged. */
  profile: { layoutSha256: string; reference: Reference } | undefined
  /** Labels that come later than this after a day do not hold its judgement up. */
  horizonMs: number
  /** Share of each feature in what the model knows, where its evaluation measured it. */
  importance: Readonly<Record<string, number>>
}

const DEFAULT_HORIZON_MS = DAY_MS

/** Undefined while nothing is deployed. */
export async function watchedBy(
  context: Pick<Context, 'db' | 'artifacts'>,
  monitor: Monitor,
): Promise<Watched | undefined> {
  const found = await stableOf(context, monitor)
  if (!found?.stable) return undefined
  const { stable, definition } = found
  const { layoutSha256, version } = await getModelVersionById(context, {
    projectId: monitor.projectId,
    actor: judge,
    id: stable.id,
  })
  return {
    version,
    modelVersionId: stable.id,
    profile:
      layoutSha256 === undefined
        ? undefined
        : { layoutSha256, reference: await loadReference(context, layoutSha256) },
    horizonMs: definition.label?.horizonMs ?? DEFAULT_HORIZON_MS,
    importance: await importanceOf(context, { modelVersionId: stable.id }),
  }
}

/** The monitored deployment; undefined when the monitor names one that is not there yet. */
export async function stableOf({ db }: Pick<Context, 'db'>, { projectId, deployment }: Monitor) {
  try {
    return await getDeployment(db.read, { projectId, name: deployment })
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined
    throw error
  }
}

/** How much of what the model knows is lost without each feature, by its latest evaluation that measured it. */
async function importanceOf(
  context: Pick<Context, 'db'>,
  key: { modelVersionId: string },
): Promise<Record<string, number>> {
  const measured = await findImportance(context, key)
  return Object.fromEntries(
    (measured?.features ?? []).map(({ feature, share }) => [feature, Math.max(0, share)]),
  )
}
