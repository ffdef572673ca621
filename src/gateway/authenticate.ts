import type { IncomingHttpHeaders } from 'node:http'
import type { TokenAccess } from '../governance/governance.ts'
import { checkOrigin, isSignInRequired } from '../http/caller.ts'
import { readCredential } from '../http/credentials.ts'
import { anonymous, localOwner, type Actor } from '../kernel/actor.ts'
import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'

interface Call {
  method: string
  headers: IncomingHttpHeaders
}

/** What is known of tokens at one generation of the desired state. */
interface Known {
  readonly generation: number
  readonly tokens: readonly TokenAccess[]
}

/** Tells who calls, from the tokens in the desired state alone: the gateway asks no database. */
export class GatewayAuthenticator {
  readonly #config: Pick<Config, 'host' | 'publicUrl' | 'signIn'>
  readonly #known: Known
  #generation = -1
  #byHash: ReadonlyMap<string, TokenAccess> = new Map()

  constructor(config: Pick<Config, 'host' | 'publicUrl' | 'signIn'>, known: Known) {
    this.#config = config
    this.#known = known
  }

  /** Throws `denied` unless the Host header may name this gateway and a browser's page is of this very host. */
  checkOrigin({ method, headers }: Call): void {
    const fetchSite = headers['sec-fetch-site']
    checkOrigin(
      {
        method,
        host: headers.host,
        origin: headers.origin,
        fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined,
      },
      this.#config,
    )
  }

  /** Throws `unauthenticated`. */
  authenticate({ headers }: Call): Actor {
    const credential = readCredential(headers.authorization, undefined)
    if (credential?.kind === 'token') return this.#byToken(credential.token)
    if (credential === undefined && !isSignInRequired(this.#config)) return localOwner
    throw new AppError(
      'unauthenticated',
      'The gateway wants an API token: `Authorization: Bearer …`, or `Basic` with the token as password',
    )
  }

  /** Who calls what is open to all: nobody in particular without a credential that holds. */
  anybody(call: Call): Actor {
    try {
      return this.authenticate(call)
    } catch {
      return anonymous
    }
  }

  #byToken(token: string): Actor {
    if (this.#generation !== this.#known.generation) {
      this.#generation = this.#known.generation
      this.#byHash = new Map(this.#known.tokens.map((access) => [access.hash, access]))
    }
    const access = this.#byHash.get(sha256(token))
    if (access === undefined || (access.expiresMs ?? Infinity) <= Date.now())
      throw new AppError('unauthenticated', 'The API token is unknown, expired or revoked')
    const { actorId: id, name, grants } = access
    return { id, kind: 'token', name, grants }
  }
}
