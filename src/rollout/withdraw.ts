import { listModelVersionUses } from '../benchmarks/benchmarks.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { Queryable } from '../ports/db/db.ts'
import {
  deleteModel,
  deleteModelVersion,
  getModelRow,
  getVersionRow,
  listAliasUses,
  listVersionIds,
  renameModel as rename,
} from '../registry/registry.ts'
import type { RegisteredModel, VersionUse } from '../registry/schema.ts'
import { listServing } from './store.ts'
import { listServedVersions } from './store-uses.ts'

type Writes = Pick<Context, 'db' | 'clock'>

/** Deletes a version. Throws `conflict`, with where it is needed and what to do, while a gateway may be asked for it or a benchmark waits for it. */
export async function withdrawVersion(
  context: Writes,
  input: Caller & { model: string; version: number },
): Promise<void> {
  await deleteModelVersion(context, { ...input, listUses })
}

/** Deletes a model with its versions. Throws as `withdrawVersion` does, for any of them. */
export async function withdrawModel(context: Writes, input: Caller & { name: string }): Promise<void> {
  await deleteModel(context, { ...input, listUses })
}

/** Gives a model another name. Throws `conflict` while a deployment serves it: clients, rollouts and the alias `champion` know it by its name. */
export async function renameModel(
  context: Writes,
  input: Caller & { name: string; newName: string },
): Promise<RegisteredModel> {
  const listDeployed = async (at: Queryable, key: { projectId: string; model: string }) =>
    (await listServing(at, key)).map(({ name }) => name)
  return await rename(context, { ...input, listDeployed })
}

/** What would refuse the deletion of a version, or without one of the whole model, at this moment. */
export async function listModelUses(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, model, version }: Caller & { model: string; version?: number },
): Promise<VersionUse[]> {
  requirePermission(actor, 'view', projectId)
  const row = await getModelRow(db.read, projectId, model)
  const ids =
    version === undefined
      ? await listVersionIds(db.read, row.id)
      : [(await getVersionRow(db.read, row, version)).id]
  const aliases = await listAliasUses(db.read, { model: row, ...(version !== undefined && { version }) })
  return [...aliases, ...(await listUses(db.read, ids))]
}

/** A room whose rows need a model version stands here, or the version can be deleted under it. */
async function listUses(at: Queryable, ids: readonly string[]): Promise<VersionUse[]> {
  const served = await listServedVersions(at, ids)
  const measured = await listModelVersionUses(at, ids)
  return [...served.map(toUse), ...measured]
}

function toUse(served: Awaited<ReturnType<typeof listServedVersions>>[number]): VersionUse {
  const { role, deployment, model, version } = served
  const named = `${model}/${version}`
  const takeDown = `take the deployment down (tidemill undeploy ${deployment})`
  if (role === 'candidate')
    return {
      what: `${named} is the candidate of the rollout of ${deployment}`,
      instead: 'Stop the rollout first, or wait until it has ended.',
    }
  if (role === 'stable')
    return {
      what: `${deployment} serves ${named}`,
      instead: `Deploy other versions there first, or ${takeDown}.`,
    }
  return {
    what: `${named} is what ${deployment} rolls back to`,
    instead: `Wait until another rollout has succeeded there, or ${takeDown}.`,
  }
}
