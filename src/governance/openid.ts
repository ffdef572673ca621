import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type * as Client from 'openid-client'
import type { Context } from '../http/context.ts'
import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'

/** What the provider says of who signed in. */
export interface Identity {
  issuer: string
  subject: string
  /** Only an address that the provider has verified. */
  email: string | undefined
  preferredName: string | undefined
}

/** What must come back with the browser, kept in a signed cookie. */
interface Pending {
  state: string
  nonce: string
  verifier: string
  returnTo: string
  expiresMs: number
}

const PENDING_MS = 10 * 60_000
const SCOPE = 'openid email profile'

/** Whether people may sign in by an identity provider. */
export function hasOpenId({ oidcIssuer, oidcClientId }: Config): boolean {
  return oidcIssuer !== undefined && oidcClientId !== undefined
}

/**
 * Sign-in by OpenID Connect: the authorization code flow with PKCE, https://openid.net/specs/openid-connect-core-1_0.html. The provider's
 * description is read at the first sign-in.
 */
export class OpenIdSignIn {
  readonly #config: Config
  readonly #log: Context['log']
  readonly #key: Buffer
  #provider: Promise<Client.Configuration> | undefined

  constructor({ config, log }: Pick<Context, 'config' | 'log'>) {
    this.#config = config
    this.#log = log
    const { oidcClientSecret: secret } = config
    // Replicas behind one address must read each other's cookies; they share the secret.
    this.#key =
      secret === undefined
        ? randomBytes(32)
        : createHmac('sha256', secret).update('tidemill sign-in').digest()
  }

  /** Where the browser goes, and the cookie value that it must bring back. */
  async begin(redirectUri: string, returnTo: string): Promise<{ location: URL; pending: string }> {
    const client = await import('openid-client')
    const provider = await this.#discover()
    const verifier = client.randomPKCECodeVerifier()
    const pending: Pending = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier,
      returnTo: localPath(returnTo),
      expiresMs: Date.now() + PENDING_MS,
    }
    const location = client.buildAuthorizationUrl(provider, {
      redirect_uri: redirectUri,
      scope: SCOPE,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: pending.state,
      nonce: pending.nonce,
    })
    return { location, pending: this.#seal(pending) }
  }

  /** Who came back. `address` is the whole address that the provider sent the browser to. Throws `denied`. */
  async finish(address: URL, sealed: string | undefined): Promise<{ identity: Identity; returnTo: string }> {
    const { state, nonce, verifier, returnTo } = this.#open(sealed)
    const client = await import('openid-client')
    const provider = await this.#discover()
    try {
      const tokens = await client.authorizationCodeGrant(provider, address, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      })
      const claims = tokens.claims()!
      const more =
        claims['email'] === undefined && provider.serverMetadata().userinfo_endpoint !== undefined
          ? await client.fetchUserInfo(provider, tokens.access_token, claims.sub)
          : {}
      return { identity: identityOf({ ...more, ...claims }), returnTo: localPath(returnTo) }
    } catch (cause) {
      throw new AppError('denied', 'The identity provider did not confirm the sign-in', { cause })
    }
  }

  #discover(): Promise<Client.Configuration> {
    this.#provider ??= this.#read().catch((cause: unknown) => {
      this.#provider = undefined
      this.#log.warn({ err: cause }, 'The identity provider could not be read')
      throw new AppError('unavailable', 'The identity provider does not answer', { cause })
    })
    return this.#provider
  }

  async #read(): Promise<Client.Configuration> {
    const { oidcIssuer, oidcClientId, oidcClientSecret } = this.#config
    const client = await import('openid-client')
    const issuer = new URL(oidcIssuer!)
    const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(issuer.hostname)
    const options = isLocal ? { execute: [client.allowInsecureRequests] } : {}
    return await client.discovery(issuer, oidcClientId!, oidcClientSecret, undefined, options)
  }

  #seal(pending: Pending): string {
    const text = Buffer.from(JSON.stringify(pending)).toString('base64url')
    return `${text}.${this.#sign(text)}`
  }

  #open(sealed: string | undefined): Pending {
    const [text = '', signature = ''] = sealed?.split('.') ?? []
    const right = Buffer.from(this.#sign(text))
    const given = Buffer.from(signature)
    if (right.length === given.length && timingSafeEqual(right, given)) {
      const pending = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Pending
      if (pending.expiresMs > Date.now()) return pending
    }
    throw new AppError('denied', 'The sign-in took too long, or was not begun in this browser')
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url')
  }
}

function identityOf(claims: Readonly<Record<string, unknown>>): Identity {
  const text = (name: string): string | undefined => {
    const value = claims[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  return {
    issuer: text('iss')!,
    subject: text('sub')!,
    email: claims['email_verified'] === true ? text('email')?.toLowerCase() : undefined,
    preferredName: text('preferred_username') ?? text('email'),
  }
}

/** A path of this server; anything else becomes its start page, so that a link to a sign-in can't lead elsewhere. */
function localPath(address: string): string {
  const here = 'http://here.invalid'
  if (!address.startsWith('/') || !URL.canParse(address, here)) return '/'
  const { origin, pathname, search, hash } = new URL(address, here)
  return origin === here && !pathname.startsWith('//') ? pathname + search + hash : '/'
}
