import { randomBytes } from 'node:crypto'
import { TOKEN_PREFIX } from '../http/credentials.ts'
import { sha256 } from '../kernel/json.ts'

/** By its prefix a scanner recognises what has leaked. */
const PREFIX = { token: TOKEN_PREFIX, invite: 'tmi_', session: 'tms_' } as const

/** A secret of 256 random bits, and the hash by which it is stored: one that can't be guessed needs no slow hash. */
export function mintSecret(kind: keyof typeof PREFIX): { secret: string; hash: string } {
  const secret = PREFIX[kind] + randomBytes(32).toString('base64url')
  return { secret, hash: sha256(secret) }
}
