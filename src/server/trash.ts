import { z } from 'zod'
import { listProjectIds } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { systemActor, type Caller } from '../kernel/actor.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { listTrackedRuns } from '../pipelines/pipelines.ts'
import type { Queryable } from '../ports/db/db.ts'
import { listVersionPlaces } from '../registry/registry.ts'
import { OrphanedFolder, TrashItem } from '../tracking/schema.ts'
import { emptyTrash, listTrash, sweepOrphans } from '../tracking/tracking.ts'
import { referencedRuns } from './gc.ts'

/**
 * What deleted runs and logged models are still needed for: they may be deleted softly, as MLflow's clients expect, and must not be purged,
 * or a version would lose its files and its lineage, and a pipeline run its record.
 */
async function reasonsToKeep(
  at: Queryable,
  { runIds, loggedModelIds }: { runIds: readonly string[]; loggedModelIds: readonly string[] },
): Promise<Map<string, string>> {
  const reasons = new Map<string, string>()
  for (const { id, what } of await listTrackedRuns(at, runIds)) reasons.set(id, what)
  const asked = new Set([...runIds, ...loggedModelIds])
  for (const { id, version } of await versionsIn(at))
    if (asked.has(id)) reasons.set(id, `model version ${version}`)
  const { runs, loggedModels } = await referencedRuns(at, { runIds, loggedModelIds })
  for (const { id, version } of [...runs, ...loggedModels]) reasons.set(id, `model version ${version}`)
  return reasons
}

/** Runs and logged models in whose folders the files of versions lie. */
async function versionsIn(at: Queryable): Promise<{ id: string; version: string }[]> {
  const places = await listVersionPlaces(at)
  return places.flatMap(({ version, location }) => {
    const id = /\/((?:m-)?[0-9a-f]{32})\/artifacts(\/|$)/.exec(location)?.[1]
    return id === undefined ? [] : [{ id, version }]
  })
}

export const Trash = z.object({ items: z.array(TrashItem), orphans: z.array(OrphanedFolder) })
export type Trash = z.infer<typeof Trash>

export interface TrashInput extends Caller {
  /** How long ago something was deleted at least; domain time. */
  olderThanMs: number
  experimentId?: string | undefined
}

/** What was deleted that long ago, and artifacts of runs that exist no more. */
export async function showTrash(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: TrashInput,
): Promise<Trash> {
  const { projectId, actor, olderThanMs, experimentId } = input
  const beforeMs = clock.now() - olderThanMs
  const items = await listTrash({ db }, { projectId, actor, beforeMs, experimentId, reasonsToKeep })
  const orphans =
    experimentId === undefined
      ? await sweepOrphans({ db }, { projectId, actor, beforeMs, remove: false })
      : []
  return { items, orphans }
}

/** Purges the same, but what something refers to. Returns what was there before. */
export async function purgeTrash(context: Pick<Context, 'db' | 'clock'>, input: TrashInput): Promise<Trash> {
  const { db, clock } = context
  const { projectId, actor, olderThanMs, experimentId } = input
  const trash = await showTrash(context, input)
  const beforeMs = clock.now() - olderThanMs
  await emptyTrash({ db }, { projectId, actor, beforeMs, experimentId, reasonsToKeep })
  if (experimentId === undefined) await sweepOrphans({ db }, { projectId, actor, beforeMs, remove: true })
  return trash
}

/** In every project what was deleted `trashDays` ago goes by itself, when the setting is not 0. */
export async function purgeByItself(context: Pick<Context, 'db' | 'clock' | 'config'>): Promise<void> {
  const { trashDays } = context.config
  if (trashDays === 0) return
  for (const projectId of await listProjectIds(context))
    await purgeTrash(context, { projectId, actor: systemActor('trash'), olderThanMs: trashDays * DAY_MS })
}
