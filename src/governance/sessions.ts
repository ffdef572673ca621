import type { Context } from '../http/context.ts'
import type { Actor } from '../kernel/actor.ts'
import { SESSION_COOKIE } from '../http/credentials.ts'
import { randomIds } from '../kernel/ids.ts'
import { sha256 } from '../kernel/json.ts'
import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import type { Trx } from '../ports/db/db.ts'
import { findUserActor } from './access.ts'
import { audit } from './audit.ts'
import { mintSecret } from './secrets.ts'
import {
  deleteExpiredSessions,
  deleteSession,
  findSessionByHash,
  insertSession,
  updateSessionExpiry,
} from './store-access.ts'
import { findUser } from './store-people.ts'

/** A session ends when it was not used for so long, */
const IDLE_MS = 14 * DAY_MS
/** and at this age in any case. */
const LONGEST_MS = 90 * DAY_MS

/** Begins a session for a user who has shown who it is; returns its secret, for the cookie. */
export async function beginSession(
  trx: Trx,
  { userId, name, how, address }: { userId: string; name: string; how: string; address: string },
): Promise<string> {
  const { secret, hash } = mintSecret('session')
  const now = Date.now()
  await deleteExpiredSessions(trx, now)
  await insertSession(trx, {
    id: randomIds.uuid(),
    project_id: '*',
    user_id: userId,
    secret_hash: hash,
    created_ms: now,
    expires_ms: now + IDLE_MS,
  })
  const actor: Actor = { id: `user:${userId}`, kind: 'user', name, grants: {} }
  await audit(trx, {
    projectId: '*',
    actor,
    action: 'people.sign_in',
    subject: name,
    detail: { how, address },
  })
  return secret
}

/** Who a session belongs to; undefined when it has ended. Use lengthens it. */
export async function findSessionActor(
  { db }: Pick<Context, 'db'>,
  secret: string,
): Promise<Actor | undefined> {
  const session = await findSessionByHash(db.read, sha256(secret))
  const now = Date.now()
  if (!session || session.expires_ms <= now) return undefined
  const until = Math.min(now + IDLE_MS, session.created_ms + LONGEST_MS)
  if (until - session.expires_ms > HOUR_MS)
    await db.write((trx) => updateSessionExpiry(trx, session.id, until))
  return await findUserActor(db.read, session.user_id)
}

export async function endSession({ db }: Pick<Context, 'db'>, secret: string): Promise<void> {
  await db.write(async (trx) => {
    const userId = await deleteSession(trx, sha256(secret))
    const user = userId === undefined ? undefined : await findUser(trx, userId)
    if (!user) return
    const actor: Actor = { id: `user:${user.id}`, kind: 'user', name: user.name, grants: {} }
    await audit(trx, { projectId: '*', actor, action: 'people.sign_out', subject: user.name })
  })
}

/** The Set-Cookie header of a session; of its end, when there is no secret. */
export function sessionCookie({ publicUrl }: Pick<Context['config'], 'publicUrl'>, secret?: string): string {
  const age = secret === undefined ? 0 : LONGEST_MS / 1000
  const secure = publicUrl?.startsWith('https:') === true ? '; Secure' : ''
  return `${SESSION_COOKIE}=${secret ?? ''}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}${secure}`
}
