import type { Context } from '../http/context.ts'
import { mayActor, requirePermission, type Actor, type Role } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import type { Queryable } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import type { Token } from './people-schema.ts'
import { mintSecret } from './secrets.ts'
import { findToken, insertToken, listUserTokens, revokeToken } from './store-access.ts'
import { findUser, listUserRows } from './store-people.ts'
import type { ApiTokenRow, UserRow } from './tables.ts'
import { getUser, projectNames, tellAccessChanged } from './users.ts'

type Doors = Pick<Context, 'db' | 'clock'>

export interface AddToken {
  actor: Actor
  /** Whose token it is; who calls, when it is not given. */
  user?: string | undefined
  name: string
  /** The highest role that it gives. It never gives more than its user has at the time of use. */
  role: Role
  /** `*` for every project that its user may enter. */
  projectId: string
  expiresMs: number | null
}

/** Makes an API token and returns it: it is stored as its hash, so nobody can show it again. */
export async function addToken(
  { db, clock }: Doors,
  input: AddToken,
): Promise<{ id: string; token: string }> {
  const { actor, name, role, projectId, expiresMs } = input
  const { secret, hash } = mintSecret('token')
  const id = randomIds.uuid()
  await db.write(async (trx) => {
    const user = await holderOf(trx, actor, input.user)
    const created_ms = await db.wallTime(trx)
    if (expiresMs !== null && expiresMs <= created_ms)
      throw new AppError('invalid', 'The token would have expired already')
    await insertToken(trx, {
      id,
      project_id: projectId,
      user_id: user.id,
      name,
      secret_hash: hash,
      role,
      created_ms,
      expires_ms: expiresMs,
      used_ms: null,
      revoked_ms: null,
    })
    const detail = { name, role, expiresMs }
    await audit(trx, { projectId, actor, action: 'people.add_token', subject: user.name, detail })
    await tellAccessChanged(trx, clock)
  })
  return { id, token: secret }
}

/** A token makes no other: what it could do would outlive its revocation. */
async function holderOf(at: Queryable, actor: Actor, name: string | undefined): Promise<UserRow> {
  if (actor.kind === 'token' || actor.kind === 'step')
    throw new AppError('denied', 'A token can make no other token: sign in with a password, or as an admin')
  if (name !== undefined && name.toLowerCase() !== actor.name) {
    requirePermission(actor, 'administer', '*')
    return await getUser(at, name)
  }
  const user = await findUser(at, actor.id.replace(/^user:/, ''))
  if (user) return user
  throw new AppError('invalid', `${actor.name} is no user: say whose token it is, with --user or "user"`)
}

/** Tokens of the user who calls; for an admin of all projects those of everybody too. */
export async function listTokens(
  { db }: Pick<Context, 'db'>,
  { actor, everybody }: { actor: Actor; everybody: boolean },
): Promise<Token[]> {
  if (everybody) requirePermission(actor, 'administer', '*')
  const users = new Map((await listUserRows(db.read)).map(({ id, name }) => [id, name]))
  const projects = await projectNames(db.read)
  const rows = await listUserTokens(db.read, everybody ? undefined : actor.id.replace(/^user:/, ''))
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    user: users.get(row.user_id) ?? '',
    project: projects.get(row.project_id) ?? row.project_id,
    role: row.role as Role,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    usedMs: row.used_ms,
  }))
}

/** Throws `not_found` for a token that is not the actor's, unless the actor administers everything. */
export async function removeToken(
  { db, clock }: Doors,
  { actor, id }: { actor: Actor; id: string },
): Promise<void> {
  await db.write(async (trx) => {
    const token = await findToken(trx, id)
    if (!token || token.revoked_ms !== null || !mayRevoke(actor, token))
      throw new AppError('not_found', `There is no token ${id}`)
    await revokeToken(trx, id, await db.wallTime(trx))
    const { project_id: projectId, name } = token
    const subject = (await findUser(trx, token.user_id))?.name ?? name
    await audit(trx, { projectId, actor, action: 'people.revoke_token', subject, detail: { name } })
    await tellAccessChanged(trx, clock)
  })
}

function mayRevoke(actor: Actor, { user_id }: ApiTokenRow): boolean {
  return actor.id === `user:${user_id}` || mayActor(actor, 'administer', '*')
}
