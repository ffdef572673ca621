import type { Context } from '../http/context.ts'
import { anonymous, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { findUserActor } from './access.ts'
import { audit } from './audit.ts'
import { isPassword } from './password.ts'
import { countAttempt, deleteAttempts, listAttempts } from './store-access.ts'
import { findUserByName } from './store-people.ts'
import type { UserRow } from './tables.ts'

const WINDOW_MS = 15 * 60_000
/** Failures within the window after which no password is looked at, by what they have in common. */
const LIMITS = { pair: 8, address: 40, name: 100 } as const

export interface PasswordSignIn {
  name: string
  password: string
  /** Where the request comes from. */
  address: string
}

/**
 * The user whose password this is. Throws `unauthenticated`, which does not tell whether there is such a user, and `denied` after too
 * many failures from the address or for the name.
 */
export async function checkPassword(
  { db }: Pick<Context, 'db'>,
  { name: given, password, address }: PasswordSignIn,
): Promise<UserRow> {
  const name = given.trim().toLowerCase().slice(0, 100)
  const keys = { pair: `pair:${name}|${address}`, address: `address:${address}`, name: `name:${name}` }
  await refuseTooMany({ db }, keys)
  const user = await findUserByName(db.read, name)
  const right = await isPassword(password.slice(0, 1000), user?.password_hash)
  if (user && right && user.disabled_ms === null) {
    await db.write((trx) => deleteAttempts(trx, [keys.pair]))
    return user
  }
  await db.write(async (trx) => {
    const nowMs = Date.now()
    for (const key of Object.values(keys)) await countAttempt(trx, { key, nowMs, sinceMs: nowMs - WINDOW_MS })
    const entry = { projectId: '*', actor: anonymous, action: 'people.sign_in_failed' }
    await audit(trx, { ...entry, subject: name, detail: { address } })
  })
  throw new AppError('unauthenticated', 'The user name or the password is wrong')
}

async function refuseTooMany(
  { db }: Pick<Context, 'db'>,
  keys: Record<keyof typeof LIMITS, string>,
): Promise<void> {
  const since = Date.now() - WINDOW_MS
  const rows = await listAttempts(db.read, Object.values(keys))
  const full = rows.find(({ key, failures, since_ms }) => {
    const kind = key.slice(0, key.indexOf(':')) as keyof typeof LIMITS
    return since_ms > since && failures >= LIMITS[kind]
  })
  if (!full) return
  const minutes = Math.ceil((full.since_ms + WINDOW_MS - Date.now()) / 60_000)
  throw new AppError('denied', `Too many failed sign-ins: try again in ${minutes} minutes`, {
    details: { retryAfterMs: full.since_ms + WINDOW_MS - Date.now() },
  })
}

/** The actor of a user who was let in. Throws `unauthenticated` for one who was disabled meanwhile. */
export async function requireUserActor({ db }: Pick<Context, 'db'>, userId: string): Promise<Actor> {
  const actor = await findUserActor(db.read, userId)
  if (actor) return actor
  throw new AppError('unauthenticated', 'This user may not sign in any more')
}
