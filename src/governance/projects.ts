import type { Context } from '../http/context.ts'
import { mayActor, requirePermission, roleIn, type Actor, type Role } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import type { Trx } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import { findProjectByName, insertProjectIfAbsent } from './store.ts'
import { listProjectRows } from './store-people.ts'

/** The project that exists from the start. */
export const DEFAULT_PROJECT = { id: 'default', name: 'default' }

/** Throws `already_exists`. */
export async function addProject(
  { db }: Pick<Context, 'db'>,
  { actor, name }: { actor: Actor; name: string },
): Promise<{ id: string }> {
  requirePermission(actor, 'administer', '*')
  return await db.write(async (trx) => {
    if (await findProjectByName(trx, name))
      throw new AppError('already_exists', `There is a project ${name} already`)
    const id = await ensureProject(trx, { name, nowMs: await db.wallTime(trx) })
    await audit(trx, { projectId: id, actor, action: 'project.add', subject: name })
    return { id }
  })
}

/** The projects that the actor has a role in, by name. */
export async function listProjects(
  { db }: Pick<Context, 'db'>,
  { actor }: { actor: Actor },
): Promise<{ name: string; role: Role; createdMs: number }[]> {
  return (await listProjectRows(db.read)).flatMap(({ id, name, created_ms }) => {
    const role = roleIn(actor, id)
    return role === undefined ? [] : [{ name, role, createdMs: created_ms }]
  })
}

/** Of every project, for what the server does by itself. */
export async function listProjectIds({ db }: Pick<Context, 'db'>): Promise<string[]> {
  return (await listProjectRows(db.read)).map(({ id }) => id)
}

/**
 * The id of a project by its name; of the default project when there is none. Throws `not_found` for a project in which the actor has no
 * role as for one that does not exist, so that names can't be found out.
 */
export async function enterProject(
  { db }: Pick<Context, 'db'>,
  name: string | undefined,
  actor: Actor,
): Promise<string> {
  const projectId = await resolveProject({ db }, name)
  if (name === undefined || mayActor(actor, 'view', projectId)) return projectId
  throw new AppError('not_found', `There is no project ${name}`, { details: { project: name } })
}

/** The id of a project by its name; the default project when no name is given. */
export async function resolveProject({ db }: Pick<Context, 'db'>, name: string | undefined): Promise<string> {
  if (name === undefined || name === DEFAULT_PROJECT.name) return DEFAULT_PROJECT.id
  const project = await findProjectByName(db.read, name)
  if (project) return project.id
  throw new AppError('not_found', `There is no project ${name}`, { details: { project: name } })
}

/** The name of a project, as it stands in addresses. */
export async function nameOfProject({ db }: Pick<Context, 'db'>, projectId: string): Promise<string> {
  const projects = await listProjectRows(db.read)
  return projects.find(({ id }) => id === projectId)?.name ?? projectId
}

export async function ensureProject(
  trx: Trx,
  { name, nowMs }: { name: string; nowMs: number },
): Promise<string> {
  const known = await findProjectByName(trx, name)
  if (known) return known.id
  const id = name === DEFAULT_PROJECT.name ? DEFAULT_PROJECT.id : randomIds.uuid()
  await insertProjectIfAbsent(trx, { id, project_id: id, name, created_ms: nowMs })
  return (await findProjectByName(trx, name))?.id ?? id
}
