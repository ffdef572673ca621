import { Hono, type Context as HttpContext } from 'hono'
import { hasOpenId, OpenIdSignIn, signInByIdentity, sessionCookie } from '../governance/governance.ts'
import { addressOf, checkOrigin } from '../http/caller.ts'
import type { Context } from '../http/context.ts'
import { readCookie } from '../http/credentials.ts'
import { toAppError } from '../kernel/errors.ts'

const PENDING = 'tidemill_pending'
const CALLBACK = '/auth/openid/callback'

/** Where the browser leaves for the identity provider, and comes back: pages, so errors lead to the page that shows them. */
export function openIdApp(context: Context): Hono {
  const app = new Hono()
  if (!hasOpenId(context.config)) return app
  const openId = new OpenIdSignIn(context)
  app.get('/auth/openid', async (c) =>
    orBack(context, c, async () => {
      const { location, pending } = await openId.begin(
        ownAddress(context, c, CALLBACK),
        c.req.query('return') ?? '/',
      )
      return leave(location.href, pendingCookie(context, pending))
    }),
  )
  app.get(CALLBACK, async (c) =>
    orBack(context, c, async () => {
      const { search } = new URL(c.req.url)
      const pending = readCookie(c.req.header('cookie'), PENDING)
      const address = new URL(ownAddress(context, c, CALLBACK) + search)
      const { identity, returnTo } = await openId.finish(address, pending)
      const from = addressOf(c.env, c.req.raw.headers, context.config)
      const session = await signInByIdentity(context, { identity, address: from })
      return leave(returnTo, pendingCookie(context, undefined), sessionCookie(context.config, session))
    }),
  )
  return app
}

/** Checks the Host header, which the address to come back to is made of, and shows refusals on the sign-in page. */
async function orBack(context: Context, c: HttpContext, work: () => Promise<Response>): Promise<Response> {
  try {
    const host = c.req.header('host')
    checkOrigin({ host, origin: undefined, fetchSite: undefined, method: 'GET' }, context.config)
    return await work()
  } catch (error) {
    const { code, message, cause } = toAppError(error)
    context.log.warn({ err: cause ?? error, code }, 'sign-in by OpenID Connect')
    return leave(`/sign-in?problem=${encodeURIComponent(message)}`, pendingCookie(context, undefined))
  }
}

function ownAddress({ config }: Context, c: HttpContext, path: string): string {
  return (config.publicUrl ?? `http://${c.req.header('host')}`) + path
}

function leave(location: string, ...cookies: string[]): Response {
  const headers = new Headers({ location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  return new Response(null, { status: 302, headers })
}

function pendingCookie({ config }: Context, value: string | undefined): string {
  const secure = config.publicUrl?.startsWith('https:') === true ? '; Secure' : ''
  const age = value === undefined ? 0 : 600
  return `${PENDING}=${value ?? ''}; Path=/auth/openid; HttpOnly; SameSite=Lax; Max-Age=${age}${secure}`
}
