import type { Context } from '../http/context.ts'
import { requirePermission, type Actor, type Role } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import type { Queryable } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import type { Team } from './people-schema.ts'
import {
  deleteTeam,
  deleteTeamMember,
  findTeamByName,
  insertTeam,
  listGrants,
  listTeamMembers,
  listTeamRows,
  listUserRows,
  upsertTeamMember,
} from './store-people.ts'
import type { TeamRow } from './tables.ts'
import { getUser, keepingAnAdmin, projectNames, tellAccessChanged } from './users.ts'

type Doors = Pick<Context, 'db' | 'clock'>
interface NamedTeam {
  actor: Actor
  name: string
}

/** Throws `already_exists`. */
export async function addTeam({ db }: Pick<Context, 'db'>, { actor, name }: NamedTeam): Promise<void> {
  requirePermission(actor, 'administer', '*')
  await db.write(async (trx) => {
    try {
      const created_ms = await db.wallTime(trx)
      await insertTeam(trx, { id: randomIds.uuid(), project_id: '*', name, created_ms })
    } catch (cause) {
      if (!isUniqueViolation(cause)) throw cause
      throw new AppError('already_exists', `There is a team ${name} already`, { cause })
    }
    await audit(trx, { projectId: '*', actor, action: 'people.add_team', subject: name })
  })
}

export async function removeTeam({ db, clock }: Doors, { actor, name }: NamedTeam): Promise<void> {
  requirePermission(actor, 'administer', '*')
  await db.write(async (trx) => {
    const team = await getTeam(trx, name)
    await keepingAnAdmin(trx, () => deleteTeam(trx, team.id))
    await audit(trx, { projectId: '*', actor, action: 'people.remove_team', subject: name })
    await tellAccessChanged(trx, clock)
  })
}

export async function setMembership(
  { db, clock }: Doors,
  { actor, name, user: userName, member }: NamedTeam & { user: string; member: boolean },
): Promise<void> {
  requirePermission(actor, 'administer', '*')
  await db.write(async (trx) => {
    const team = await getTeam(trx, name)
    const user = await getUser(trx, userName)
    const key = { team_id: team.id, user_id: user.id }
    await keepingAnAdmin(trx, async () => {
      if (member) await upsertTeamMember(trx, { ...key, project_id: '*', created_ms: await db.wallTime(trx) })
      else await deleteTeamMember(trx, { teamId: team.id, userId: user.id })
    })
    const action = member ? 'people.add_member' : 'people.remove_member'
    await audit(trx, { projectId: '*', actor, action, subject: name, detail: { user: user.name } })
    await tellAccessChanged(trx, clock)
  })
}

export async function listTeams({ db }: Pick<Context, 'db'>, { actor }: { actor: Actor }): Promise<Team[]> {
  requirePermission(actor, 'administer', '*')
  const at = db.read
  const users = new Map((await listUserRows(at)).map((user) => [user.id, user.name]))
  const members = await listTeamMembers(at)
  const grants = (await listGrants(at)).filter(({ holder_type }) => holder_type === 'team')
  const projects = await projectNames(at)
  return (await listTeamRows(at)).map(({ id, name }) => ({
    name,
    members: members.filter(({ team_id }) => team_id === id).map(({ user_id }) => users.get(user_id)!),
    grants: grants
      .filter(({ holder_id }) => holder_id === id)
      .map(({ project_id, role }) => ({
        project: projects.get(project_id) ?? project_id,
        role: role as Role,
      })),
  }))
}

/** Throws `denied` unless the actor is a member of the team, `not_found` when there is no such team. */
export async function requireMember(
  at: Queryable,
  { actor, team: name }: { actor: Actor; team: string },
): Promise<void> {
  const team = await getTeam(at, name)
  const members = await listTeamMembers(at)
  if (members.some(({ team_id, user_id }) => team_id === team.id && actor.id === `user:${user_id}`)) return
  throw new AppError('denied', `${actor.name} is no member of the team ${name}`, { details: { team: name } })
}

export async function getTeam(at: Queryable, name: string): Promise<TeamRow> {
  const team = await findTeamByName(at, name.toLowerCase())
  if (team) return team
  throw new AppError('not_found', `There is no team ${name}`, { details: { team: name } })
}
