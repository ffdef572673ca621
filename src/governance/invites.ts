import type { Context } from '../http/context.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import { AppError, toAppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import { sha256 } from '../kernel/json.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { Queryable } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import { hashPassword } from './password.ts'
import { mintSecret } from './secrets.ts'
import { beginSession } from './sessions.ts'
import { checkPassword } from './sign-in.ts'
import {
  acceptInviteRow,
  deleteOpenInvites,
  deleteSessionsOf,
  findInviteByHash,
  insertInvite,
} from './store-access.ts'
import { findUser, updateUser } from './store-people.ts'
import type { InviteRow, UserRow } from './tables.ts'
import { getUser } from './users.ts'

const INVITE_MS = 7 * DAY_MS

/**
 * A secret by which a user sets a password, once, within a week: for somebody new, or who has forgotten it. An earlier one of the user
 * holds no more.
 */
export async function invite(
  { db }: Pick<Context, 'db'>,
  { actor, name }: { actor: Actor; name: string },
): Promise<{ secret: string; expiresMs: number }> {
  requirePermission(actor, 'administer', '*')
  const { secret, hash } = mintSecret('invite')
  return await db.write(async (trx) => {
    const user = await getUser(trx, name)
    if (user.disabled_ms !== null) throw new AppError('conflict', `${user.name} is disabled`)
    await deleteOpenInvites(trx, user.id)
    const now = await db.wallTime(trx)
    const expiresMs = now + INVITE_MS
    await insertInvite(trx, {
      id: randomIds.uuid(),
      project_id: '*',
      user_id: user.id,
      secret_hash: hash,
      invited_by: actor.id,
      created_ms: now,
      expires_ms: expiresMs,
      accepted_ms: null,
    })
    await audit(trx, { projectId: '*', actor, action: 'people.invite', subject: user.name })
    return { secret, expiresMs }
  })
}

/** Whom an invite is for. Throws `not_found` for one that does not hold (any more). */
export async function readInvite(
  { db }: Pick<Context, 'db'>,
  { secret }: { secret: string },
): Promise<{ name: string; expiresMs: number }> {
  const { invited, user } = await openInvite(db.read, secret)
  return { name: user.name, expiresMs: invited.expires_ms }
}

/** Sets the password of the invited, ends older sessions, and begins one; returns its secret. */
export async function acceptInvite(
  { db }: Pick<Context, 'db'>,
  { secret, password, address }: { secret: string; password: string; address: string },
): Promise<{ name: string; session: string }> {
  await openInvite(db.read, secret)
  const password_hash = await hashPassword(password)
  return await db.write(async (trx) => {
    const { invited, user } = await openInvite(trx, secret)
    if (!(await acceptInviteRow(trx, invited.id, Date.now()))) throw spent()
    await updateUser(trx, user.id, { password_hash })
    await deleteSessionsOf(trx, user.id)
    const { id: userId, name } = user
    return { name, session: await beginSession(trx, { userId, name, how: 'invite', address }) }
  })
}

async function openInvite(at: Queryable, secret: string): Promise<{ invited: InviteRow; user: UserRow }> {
  const invited = await findInviteByHash(at, sha256(secret))
  if (!invited || invited.accepted_ms !== null || invited.expires_ms <= Date.now()) throw spent()
  const user = await findUser(at, invited.user_id)
  if (!user || user.disabled_ms !== null) throw spent()
  return { invited, user }
}

function spent(): AppError {
  return new AppError('not_found', 'This invite was used, replaced or is too old: ask for a new one')
}

/** Changes the actor's own password and ends its other sessions. Throws `denied` when the present one is wrong. */
export async function changePassword(
  { db }: Pick<Context, 'db'>,
  input: { actor: Actor; current: string; password: string; address: string },
): Promise<{ session: string }> {
  const { actor, current, password, address } = input
  const user = await findUser(db.read, actor.id.replace(/^user:/, ''))
  if (!user || actor.kind !== 'user')
    throw new AppError('denied', 'Only a user who is signed in has a password')
  await checkPassword({ db }, { name: user.name, password: current, address }).catch((error: unknown) => {
    if (toAppError(error).code !== 'unauthenticated') throw error
    throw new AppError('denied', 'The present password is wrong')
  })
  const password_hash = await hashPassword(password)
  return await db.write(async (trx) => {
    await updateUser(trx, user.id, { password_hash })
    await deleteSessionsOf(trx, user.id)
    await audit(trx, { projectId: '*', actor, action: 'people.change_password', subject: user.name })
    const { id: userId, name } = user
    return { session: await beginSession(trx, { userId, name, how: 'password', address }) }
  })
}
