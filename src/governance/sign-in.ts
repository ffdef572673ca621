import type { Context } from '../http/context.ts'
import { anonymous, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import { findUserActor } from './access.ts'
import { audit } from './audit.ts'
import { isPassword } from './password.ts'
import { countAttempt, deleteAttempts, deleteAttemptsBefore, giveBackAttempt } from './store-access.ts'
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
  // Counted as a failure before it is looked at: of many that come at once, no more than the limit are.
  await db.write((trx) => takeAttempt(trx, keys))
  const user = await findUserByName(db.read, name)
  const right = await isPassword(password.slice(0, 1000), user?.password_hash)
  if (user && right && user.disabled_ms === null) {
    await db.write(async (trx) => {
      await deleteAttempts(trx, [keys.pair])
      await giveBackAttempt(trx, [keys.address, keys.name])
    })
    return user
  }
  const entry = { projectId: '*', actor: anonymous, action: 'people.sign_in_failed' }
  await db.write((trx) => audit(trx, { ...entry, subject: name, detail: { address } }))
  throw new AppError('unauthenticated', 'The user name or the password is wrong')
}

async function takeAttempt(trx: Trx, keys: Record<keyof typeof LIMITS, string>): Promise<void> {
  const nowMs = Date.now()
  await deleteAttemptsBefore(trx, nowMs - WINDOW_MS)
  for (const kind of ['pair', 'address', 'name'] as const) {
    const { failures, since_ms } = await countAttempt(trx, keys[kind], nowMs)
    if (failures <= LIMITS[kind]) continue
    const retryAfterMs = since_ms + WINDOW_MS - nowMs
    const minutes = Math.ceil(retryAfterMs / 60_000)
    throw new AppError('denied', `Too many failed sign-ins: try again in ${minutes} minutes`, {
      details: { retryAfterMs },
    })
  }
}

/** The actor of a user who was let in. Throws `unauthenticated` for one who was disabled meanwhile. */
export async function requireUserActor({ db }: Pick<Context, 'db'>, userId: string): Promise<Actor> {
  const actor = await findUserActor(db.read, userId)
  if (actor) return actor
  throw new AppError('unauthenticated', 'This user may not sign in any more')
}
