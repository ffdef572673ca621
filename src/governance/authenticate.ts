import { createHmac, randomBytes } from 'node:crypto'
import { checkOrigin, isSignInRequired, requireOwnPage, type Origin } from '../http/caller.ts'
import type { Context } from '../http/context.ts'
import { readCredential, type Credential } from '../http/credentials.ts'
import { localOwner, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'
import { countAdmins, findTokenActor } from './access.ts'
import { findSessionActor } from './sessions.ts'
import { findStepActor } from './step-token.ts'
import { checkPassword, requireUserActor } from './sign-in.ts'
import { findTokenByHash, updateTokenUse } from './store-access.ts'

/** How long a revocation or a change of roles may take to reach requests with a token or a password. */
const ACTOR_TTL_MS = 5_000
/** How long a password that was right is not hashed again. */
const PASSWORD_TTL_MS = 60_000
const USE_EVERY_MS = 60_000
const MAX_REMEMBERED = 10_000
/** Passwords that are hashed at once: more would keep the machine from everything else. */
const MAX_HASHING = 4

/**
 * Tells who sends a request: the one place in the server that does. Without a credential it is the local owner where nobody has to sign
 * in. A token or a password that does not hold is refused everywhere; a session that has ended counts as none.
 */
export class Authenticator {
  readonly #context: Pick<Context, 'db' | 'config'>
  readonly #actors = new Memory<Actor>(ACTOR_TTL_MS)
  readonly #passwords = new Memory<string>(PASSWORD_TTL_MS)
  /** Passwords are remembered under a key that this process alone can make. */
  readonly #key = randomBytes(32)
  readonly #looking = new Map<string, Promise<string>>()
  #hashing = 0

  constructor(context: Pick<Context, 'db' | 'config'>) {
    this.#context = context
  }

  /** Throws `denied` for a request of another site, `unauthenticated` for one that must say who sends it, and does not. */
  authenticate(request: Request, address = ''): Actor | Promise<Actor> {
    const { config } = this.#context
    const origin = originOf(request)
    checkOrigin(origin, config)
    const { headers } = request
    const credential = readCredential(
      headers.get('authorization') ?? undefined,
      headers.get('cookie') ?? undefined,
    )
    if (credential === undefined) return this.#withoutCredential()
    if (credential.kind === 'token') {
      const hash = sha256(credential.token)
      return this.#actors.get(hash) ?? this.#byToken(hash)
    }
    if (credential.kind === 'password') return this.#byPassword(credential, address)
    return this.#bySession(credential.secret, origin)
  }

  #withoutCredential(): Actor {
    if (!isSignInRequired(this.#context.config)) return localOwner
    throw new AppError(
      'unauthenticated',
      'Sign in first: in the browser, with `tidemill login`, or with an API token as `Authorization: Bearer …`',
    )
  }

  async #byToken(hash: string): Promise<Actor> {
    const { db } = this.#context
    const token = await findTokenByHash(db.read, hash)
    const now = Date.now()
    const holds = token && token.revoked_ms === null && (token.expires_ms ?? Infinity) > now
    const actor = holds ? await findTokenActor(db.read, token) : undefined
    if (!token || !actor) return await this.#byStepToken(hash)
    if ((token.used_ms ?? 0) < now - USE_EVERY_MS) await db.write((trx) => updateTokenUse(trx, token.id, now))
    this.#actors.set(hash, actor, token.expires_ms ?? Infinity)
    return actor
  }

  /** Never remembered: it ends with the step. */
  async #byStepToken(hash: string): Promise<Actor> {
    const actor = await findStepActor(this.#context.db, { hash })
    if (actor) return actor
    throw new AppError('unauthenticated', 'The API token is unknown, expired or revoked')
  }

  async #byPassword(
    { name, password }: Extract<Credential, { kind: 'password' }>,
    address: string,
  ): Promise<Actor> {
    const proof = createHmac('sha256', this.#key).update(`${name}\0${password}`).digest('base64')
    let userId = this.#passwords.get(proof)
    if (userId === undefined) {
      // Clients that begin together with one password have it looked at once.
      const looking = this.#looking.get(proof) ?? this.#hash({ name, password, address })
      this.#looking.set(proof, looking)
      userId = await looking.finally(() => this.#looking.delete(proof))
      this.#passwords.set(proof, userId)
    }
    const known = this.#actors.get(userId)
    if (known) return known
    const actor = await requireUserActor(this.#context, userId)
    this.#actors.set(userId, actor)
    return actor
  }

  async #hash(credential: { name: string; password: string; address: string }): Promise<string> {
    if (this.#hashing >= MAX_HASHING)
      throw new AppError('unavailable', 'Too many sign-ins at once: try again in a second')
    this.#hashing += 1
    try {
      return (await checkPassword(this.#context, credential)).id
    } finally {
      this.#hashing -= 1
    }
  }

  async #bySession(secret: string, origin: Origin): Promise<Actor> {
    const actor = await findSessionActor(this.#context, secret)
    if (!actor) return this.#withoutCredential()
    requireOwnPage(origin)
    return actor
  }
}

function originOf({ headers, method }: Pick<Request, 'headers' | 'method'>): Origin {
  return {
    host: headers.get('host') ?? undefined,
    origin: headers.get('origin') ?? undefined,
    fetchSite: headers.get('sec-fetch-site') ?? undefined,
    method,
  }
}

/** Values that hold for a while; the oldest go when there are too many. */
class Memory<Value> {
  readonly #ttlMs: number
  readonly #entries = new Map<string, { value: Value; untilMs: number }>()

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    return entry && entry.untilMs > Date.now() ? entry.value : undefined
  }

  set(key: string, value: Value, untilMs = Infinity): void {
    if (this.#entries.size >= MAX_REMEMBERED) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.delete(key)
    this.#entries.set(key, { value, untilMs: Math.min(untilMs, Date.now() + this.#ttlMs) })
  }
}

/** Refuses to start where people must sign in and nobody could. */
export async function requireSomeAdmin({ db, config }: Pick<Context, 'db' | 'config'>): Promise<void> {
  if (!isSignInRequired(config) || (await countAdmins(db.read)) > 0) return
  throw new AppError(
    'invalid',
    `host is ${config.host}${config.publicUrl ? ` and publicUrl ${config.publicUrl}` : ''}: people must sign in, and there is no admin yet. ` +
      'Make one on this machine with `tidemill users add NAME --admin`.',
  )
}
