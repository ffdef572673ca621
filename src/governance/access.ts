import { isSignInRequired } from '../http/caller.ts'
import type { Context } from '../http/context.ts'
import { higherRole, localOwner, lowerRole, type Actor, type Role } from '../kernel/actor.ts'
import type { Queryable } from '../ports/db/db.ts'
import { findStepActor } from './step-token.ts'
import { listUserTokens } from './store-access.ts'
import { findUser, listGrants, listGrantsOf, listTeamMembers, listUserRows } from './store-people.ts'
import type { ApiTokenRow, RoleGrantRow, TeamMemberRow, UserRow } from './tables.ts'

type Grants = Readonly<Record<string, Role>>

/** The user with the roles of now; undefined for one who may not sign in any more. */
export async function findUserActor(at: Queryable, userId: string): Promise<Actor | undefined> {
  const user = await findUser(at, userId)
  if (!user || user.disabled_ms !== null) return undefined
  return actorOf(user, grantsOf(await listGrantsOf(at, userId)))
}

function actorOf({ id, name }: Pick<UserRow, 'id' | 'name'>, grants: Grants): Actor {
  return { id: `user:${id}`, kind: 'user', name, grants }
}

/** Who bears an id now; undefined for one that may do nothing any more, or never acts from outside. */
export async function findActor(
  { db, config }: Pick<Context, 'db' | 'config'>,
  id: string,
): Promise<Actor | undefined> {
  if (id === localOwner.id) return isSignInRequired(config) ? undefined : localOwner
  const [, kind, key] = /^(user|step):(.+)$/.exec(id) ?? []
  if (kind === 'user') return await findUserActor(db.read, key!)
  return kind === 'step' ? await findStepActor(db, { executionId: key! }) : undefined
}

/** Who acts by a token: its user, with no more than the token gives. */
export async function findTokenActor(at: Queryable, token: ApiTokenRow): Promise<Actor | undefined> {
  const user = await findUserActor(at, token.user_id)
  return user && { ...user, kind: 'token', grants: limitGrants(user.grants, token) }
}

function limitGrants(grants: Grants, { project_id, role }: Pick<ApiTokenRow, 'project_id' | 'role'>): Grants {
  const reached = project_id === '*' ? grants : { [project_id]: higherRole(grants[project_id], grants['*']) }
  return Object.fromEntries(
    Object.entries(reached).flatMap(([project, own]) => {
      const lower = lowerRole(own, role as Role)
      return lower === undefined ? [] : [[project, lower]]
    }),
  )
}

function grantsOf(rows: readonly Pick<RoleGrantRow, 'project_id' | 'role'>[]): Grants {
  const grants: Record<string, Role> = {}
  for (const { project_id, role } of rows)
    grants[project_id] = higherRole(grants[project_id], role as Role) ?? (role as Role)
  return grants
}

/** The rows of `role_grant` that count for a user. */
function isHeldBy(grant: RoleGrantRow, userId: string, members: readonly TeamMemberRow[]): boolean {
  if (grant.holder_type === 'user') return grant.holder_id === userId
  return members.some(({ team_id, user_id }) => team_id === grant.holder_id && user_id === userId)
}

/** How many users may administer everything. */
export async function countAdmins(at: Queryable): Promise<number> {
  const grants = (await listGrants(at, '*')).filter(({ role }) => role === 'admin')
  const members = await listTeamMembers(at)
  const users = (await listUserRows(at)).filter(({ disabled_ms }) => disabled_ms === null)
  return users.filter(({ id }) => grants.some((grant) => isHeldBy(grant, id, members))).length
}

/** What a process without the database needs to tell who sends a token. */
export interface TokenAccess {
  /** SHA-256 of the token. */
  hash: string
  actorId: string
  name: string
  grants: Grants
  expiresMs: number | null
}

/** Every user's token that holds, with the roles of now. */
export async function listTokenAccess(at: Queryable): Promise<TokenAccess[]> {
  const grants = await listGrants(at)
  const members = await listTeamMembers(at)
  const users = new Map((await listUserRows(at)).map((user) => [user.id, user]))
  return (await listUserTokens(at)).flatMap((token) => {
    const user = users.get(token.user_id)
    if (!user || user.disabled_ms !== null) return []
    const own = grantsOf(grants.filter((grant) => isHeldBy(grant, user.id, members)))
    const { id, name } = actorOf(user, own)
    const limited = limitGrants(own, token)
    return { hash: token.secret_hash, actorId: id, name, grants: limited, expiresMs: token.expires_ms }
  })
}
