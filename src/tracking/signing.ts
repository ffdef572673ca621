import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { findSigningKey, insertSigningKey } from './store-uploads.ts'

/** What a signed address allows: one method on one path of a project, in the name of an actor, for a time. */
export interface SignedAccess {
  projectId: string
  method: string
  path: string
  actorId: string
  /** Wall time. */
  expiresMs: number
}

/** The signature that stands for the permission of who asked for it: HMAC-SHA256 with the project's key, in base64url. */
export async function signAccess({ db }: Pick<Context, 'db'>, access: SignedAccess): Promise<string> {
  const key = (await findSigningKey(db.read, access.projectId)) ?? (await makeKey({ db }, access.projectId))
  return signatureOf(key, access)
}

/** Throws `denied` unless the signature is right and not too old. */
export async function requireSignature(
  { db }: Pick<Context, 'db'>,
  access: SignedAccess,
  signature: string,
): Promise<void> {
  const key = await findSigningKey(db.read, access.projectId)
  const given = Buffer.from(signature)
  const right = Buffer.from(key === undefined ? '' : signatureOf(key, access))
  if (key === undefined || given.length !== right.length || !timingSafeEqual(given, right))
    throw new AppError('denied', 'The signature of this address is wrong')
  if (!(access.expiresMs > (await db.wallTime())))
    throw new AppError('denied', 'This address has expired: ask for a new one')
}

async function makeKey({ db }: Pick<Context, 'db'>, projectId: string): Promise<string> {
  return await db.write(async (trx) => {
    await insertSigningKey(trx, projectId, randomBytes(32).toString('hex'))
    return (await findSigningKey(trx, projectId))!
  })
}

function signatureOf(keyHex: string, { method, projectId, path, actorId, expiresMs }: SignedAccess): string {
  const text = JSON.stringify([method, projectId, path, actorId, expiresMs])
  return createHmac('sha256', Buffer.from(keyHex, 'hex')).update(text).digest('base64url')
}
