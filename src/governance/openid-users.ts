import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import type { Config } from '../kernel/config.ts'
import type { Trx } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import type { Identity } from './openid.ts'
import { userName } from './people-schema.ts'
import { beginSession } from './sessions.ts'
import { deleteOpenInvites, listOpenInvites } from './store-access.ts'
import {
  findUserByEmail,
  findUserByIdentity,
  findUserByName,
  updateUser,
  upsertGrant,
} from './store-people.ts'
import type { UserRow } from './tables.ts'
import { insertNewUser, tellAccessChanged } from './users.ts'

/**
 * Begins a session for who comes from the identity provider. Known is who has the provider's own id; an address alone makes nobody known,
 * unless the provider has verified it and its user was invited and has not come yet. Anybody else becomes a new user where the settings
 * let the address in. Throws `denied`.
 */
export async function signInByIdentity(
  { db, clock, config }: Pick<Context, 'db' | 'clock' | 'config'>,
  { identity, address }: { identity: Identity; address: string },
): Promise<string> {
  return await db.write(async (trx) => {
    const known = await findUserByIdentity(trx, identity.issuer, identity.subject)
    const user = known ?? (await takeInvite(trx, identity)) ?? (await addByIdentity(trx, config, identity))
    if (user.disabled_ms !== null) throw new AppError('denied', 'This user may not sign in any more')
    if (!known) await tellAccessChanged(trx, clock)
    const { id: userId, name } = user
    return await beginSession(trx, { userId, name, how: 'openid', address })
  })
}

async function takeInvite(trx: Trx, { issuer, subject, email }: Identity): Promise<UserRow | undefined> {
  const user = email === undefined ? undefined : await findUserByEmail(trx, email)
  if (!user || user.oidc_subject !== null || user.password_hash !== null) return undefined
  const open = await listOpenInvites(trx, Date.now())
  if (!open.some(({ user_id }) => user_id === user.id)) return undefined
  await updateUser(trx, user.id, { oidc_issuer: issuer, oidc_subject: subject })
  await deleteOpenInvites(trx, user.id)
  return user
}

async function addByIdentity(trx: Trx, config: Config, identity: Identity): Promise<UserRow> {
  const { issuer, subject, email } = identity
  if (!isAllowed(config, email))
    throw new AppError(
      'denied',
      'People of this address are not let in by themselves: ask an admin for an invite',
    )
  const taken = email === undefined ? undefined : await findUserByEmail(trx, email)
  const name = await freeName(trx, identity)
  const user = await insertNewUser(trx, {
    name,
    email: taken ? null : (email ?? null),
    oidc_issuer: issuer,
    oidc_subject: subject,
  })
  const role = config.oidcDefaultRole
  if (role !== 'none') {
    const holder = { holder_type: 'user', holder_id: user.id }
    await upsertGrant(trx, { project_id: '*', ...holder, role, created_ms: user.created_ms })
  }
  const actor = { id: `user:${user.id}`, kind: 'user', name, grants: {} } as const
  await audit(trx, {
    projectId: '*',
    actor,
    action: 'people.add_user',
    subject: name,
    detail: { issuer, role },
  })
  return user
}

/** Without a list of domains the provider alone decides who comes in. */
function isAllowed({ oidcAllowedDomains }: Config, email: string | undefined): boolean {
  const domains = oidcAllowedDomains.split(',').flatMap((domain) => domain.trim().toLowerCase() || [])
  if (domains.length === 0) return true
  return email !== undefined && domains.includes(email.slice(email.lastIndexOf('@') + 1))
}

/** The name that the provider gives, with a number where another user has it: a name is no proof of being that user. */
async function freeName(trx: Trx, { preferredName, email, subject }: Identity): Promise<string> {
  const parsed = [email, preferredName, subject].map((name) => userName.safeParse(name))
  const wanted = parsed.find(({ success }) => success)?.data ?? 'user'
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted.slice(0, 90)}-${number}`
    if (!(await findUserByName(trx, name))) return name
  }
}
