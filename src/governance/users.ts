import { appendEvent } from '../jobs/events.ts'
import type { Context } from '../http/context.ts'
import { mayActor, requirePermission, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { countAdmins } from './access.ts'
import { audit } from './audit.ts'
import type { User } from './people-schema.ts'
import { deleteOpenInvites, deleteSessionsOf, listOpenInvites } from './store-access.ts'
import {
  findUserByEmail,
  findUserByName,
  insertUser,
  listGrants,
  listProjectRows,
  listTeamMembers,
  listTeamRows,
  listUserRows,
  lockAdminGrants,
  updateUser,
} from './store-people.ts'
import type { UserRow } from './tables.ts'

type Doors = Pick<Context, 'db' | 'clock'>

/** Adds somebody who has no role and no way to sign in yet. Throws `already_exists` for a name or an address of another user. */
export async function addUser(
  { db, clock }: Doors,
  { actor, name, email }: { actor: Actor; name: string; email?: string | undefined },
): Promise<void> {
  requirePermission(actor, 'administer', '*')
  await db.write(async (trx) => {
    if (email !== undefined && (await findUserByEmail(trx, email)))
      throw new AppError('already_exists', `There is a user with the address ${email} already`)
    await insertNewUser(trx, { name, email: email ?? null })
    await audit(trx, { projectId: '*', actor, action: 'people.add_user', subject: name })
    await tellAccessChanged(trx, clock)
  })
}

/** Throws `already_exists` for a name that is taken. */
export async function insertNewUser(
  trx: Trx,
  user: Pick<UserRow, 'name' | 'email'> & Partial<UserRow>,
): Promise<UserRow> {
  const row: UserRow = {
    id: randomIds.uuid(),
    project_id: '*',
    password_hash: null,
    oidc_issuer: null,
    oidc_subject: null,
    disabled_ms: null,
    created_ms: Date.now(),
    ...user,
  }
  try {
    await insertUser(trx, row)
  } catch (cause) {
    if (!isUniqueViolation(cause)) throw cause
    throw new AppError('already_exists', `There is a user ${user.name} already`, { cause })
  }
  return row
}

export async function getUser(at: Queryable, name: string): Promise<UserRow> {
  const user = await findUserByName(at, name.toLowerCase())
  if (user) return user
  throw new AppError('not_found', `There is no user ${name}`, { details: { user: name } })
}

/** Ends everything that the user is signed in with, or lets the user sign in again. The last admin stays. */
export async function setDisabled(
  { db, clock }: Doors,
  { actor, name, disabled }: { actor: Actor; name: string; disabled: boolean },
): Promise<void> {
  requirePermission(actor, 'administer', '*')
  await db.write(async (trx) => {
    const user = await getUser(trx, name)
    await keepingAnAdmin(trx, async () => {
      await updateUser(trx, user.id, { disabled_ms: disabled ? await db.wallTime(trx) : null })
      if (!disabled) return
      await deleteSessionsOf(trx, user.id)
      await deleteOpenInvites(trx, user.id)
    })
    const action = disabled ? 'people.disable_user' : 'people.enable_user'
    await audit(trx, { projectId: '*', actor, action, subject: user.name })
    await tellAccessChanged(trx, clock)
  })
}

/** Everybody, by name. Roles in projects that the actor does not administer are left out. */
export async function listUsers(
  { db }: Pick<Context, 'db'>,
  { actor, projectId }: { actor: Actor; projectId: string },
): Promise<User[]> {
  requirePermission(actor, 'administer', projectId)
  const at = db.read
  const grants = (await listGrants(at)).filter((grant) => mayActor(actor, 'administer', grant.project_id))
  const members = await listTeamMembers(at)
  const teams = new Map((await listTeamRows(at)).map(({ id, name }) => [id, name]))
  const projects = await projectNames(at)
  const invited = new Set((await listOpenInvites(at, Date.now())).map(({ user_id }) => user_id))
  return (await listUserRows(at)).map((user) => ({
    name: user.name,
    email: user.email,
    state: user.disabled_ms !== null ? 'disabled' : isInvited(user, invited) ? 'invited' : 'active',
    grants: grants
      .filter(({ holder_type, holder_id }) => holder_type === 'user' && holder_id === user.id)
      .map(({ project_id, role }) => ({
        project: projects.get(project_id) ?? project_id,
        role: role as User['grants'][number]['role'],
      })),
    teams: members.filter(({ user_id }) => user_id === user.id).map(({ team_id }) => teams.get(team_id)!),
    createdMs: user.created_ms,
  }))
}

function isInvited({ id, password_hash, oidc_subject }: UserRow, invited: ReadonlySet<string>): boolean {
  return password_hash === null && oidc_subject === null && invited.has(id)
}

/** Names of projects by their ids; `*` is all. */
export async function projectNames(at: Queryable): Promise<ReadonlyMap<string, string>> {
  return new Map([['*', '*'], ...(await listProjectRows(at)).map(({ id, name }) => [id, name] as const)])
}

/** Undoes the change, by throwing `conflict`, when nobody could administer everything after it. */
export async function keepingAnAdmin(trx: Trx, change: () => Promise<void>): Promise<void> {
  await lockAdminGrants(trx)
  const before = await countAdmins(trx)
  await change()
  if (before === 0 || (await countAdmins(trx)) > 0) return
  throw new AppError('conflict', 'This would leave nobody with the role admin for all projects')
}

/** Gateways learn of it: whatever changes who may do what says so in its transaction. */
export async function tellAccessChanged(trx: Trx, clock: Context['clock']): Promise<void> {
  await appendEvent(trx, { projectId: '*', kind: 'access.changed', payload: {}, atMs: clock.now() })
}
