import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { invite } from '../src/governance/invites.ts'
import { addUser, listUsers, setDisabled } from '../src/governance/users.ts'
import { localOwner } from '../src/kernel/actor.ts'
import { startServer, type Server } from '../src/server/server.ts'
import { openTestContext, type TestContext } from './databases.ts'
import { userWithToken, withSignIn } from './people.ts'

const actor = localOwner

interface Account {
  sub: string
  email: string
  email_verified: boolean
}

let context: TestContext
let server: Server | undefined
let issuer: HttpServer
/** Who is at the keyboard. */
let account: Account

beforeEach(async () => {
  context = withSignIn(await openTestContext())
  await userWithToken(context, 'root', { '*': 'admin' })
})

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
  issuer.closeAllConnections()
  await new Promise((resolve) => issuer.close(resolve))
  await context[Symbol.asyncDispose]()
})

/** A server of ours and an identity provider that lets everybody in as `account`. */
async function open(settings: Partial<TestContext['config']> = {}): Promise<string> {
  issuer = createServer()
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve))
  const oidcIssuer = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`
  const client = { oidcIssuer, oidcClientId: 'tidemill', oidcClientSecret: 'a secret of the client' }
  context = withSignIn(context, { ...client, ...settings })
  server = await startServer(context)
  const { url } = server
  const provider = new Provider(oidcIssuer, {
    clients: [
      {
        client_id: client.oidcClientId,
        client_secret: client.oidcClientSecret,
        redirect_uris: [`${url}/auth/openid/callback`],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
    pkce: { required: () => true },
    findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => account }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: () => '/interaction' },
    cookies: { keys: ['a key of the test'] },
  })
  const callback = provider.callback()
  issuer.on('request', (request, response) => {
    if (request.url !== '/interaction') return callback(request, response)
    void (async () => {
      const { params } = await provider.interactionDetails(request, response)
      const grant = new provider.Grant({ accountId: account.sub, clientId: params.client_id })
      grant.addOIDCScope('openid email profile')
      const consent = { grantId: await grant.save() }
      await provider.interactionFinished(request, response, { login: { accountId: account.sub }, consent })
    })()
  })
  return url
}

/** Follows redirects as a browser does, with its cookies; returns where it came to rest. */
async function browse(start: string, jar: Map<string, string>, stopAt = /\/sign-in|\/runs/): Promise<string> {
  let address = start
  for (let hops = 0; hops < 12 && !stopAt.test(new URL(address).pathname); hops++) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(address, { redirect: 'manual', headers: { cookie } })
    for (const set of response.headers.getSetCookie()) {
      const [pair] = set.split(';')
      const at = pair!.indexOf('=')
      if (/Max-Age=0|1970/.test(set)) jar.delete(pair!.slice(0, at))
      else jar.set(pair!.slice(0, at), pair!.slice(at + 1))
    }
    const next = response.headers.get('location')
    if (next === null) throw new Error(`${address} answered ${response.status}: ${await response.text()}`)
    address = new URL(next, address).href
  }
  return address
}

async function nameOf(url: string, jar: Map<string, string>): Promise<string> {
  const session = jar.get('tidemill_session')
  const response = await fetch(`${url}/api/v1/me`, { headers: { cookie: `tidemill_session=${session}` } })
  return ((await response.json()) as { name?: string }).name ?? String(response.status)
}

it('Who comes from the identity provider is a new user without roles, and the same one the next time', async () => {
  const url = await open()
  account = { sub: 'a-1', email: 'Ana@example.org', email_verified: true }
  const jar = new Map<string, string>()
  expect(await browse(`${url}/auth/openid?return=/runs?x=1`, jar)).toBe(`${url}/runs?x=1`)
  expect(await nameOf(url, jar)).toBe('ana@example.org')
  const again = new Map<string, string>()
  await browse(`${url}/auth/openid?return=/runs`, again)
  expect(await nameOf(url, again)).toBe('ana@example.org')
  const users = await listUsers(context, { actor, projectId: '*' })
  expect(users.map(({ name, grants }) => [name, grants.length])).toEqual([
    ['ana@example.org', 0],
    ['root', 1],
  ])
  await setDisabled(context, { actor, name: 'ana@example.org', disabled: true })
  expect(await browse(`${url}/auth/openid?return=/runs`, new Map())).toContain('problem=This%20user')
})

it('An address alone makes nobody known: it must be verified, and its user invited', async () => {
  const url = await open({ oidcAllowedDomains: 'example.org, example.com', oidcDefaultRole: 'viewer' })
  await addUser(context, { actor, name: 'ana', email: 'ana@example.net' })
  account = { sub: 'a-1', email: 'ana@example.net', email_verified: true }
  const enter = async (): Promise<string> => {
    const jar = new Map<string, string>()
    const at = await browse(`${url}/auth/openid?return=/runs`, jar)
    return at.includes('problem=') ? 'refused' : await nameOf(url, jar)
  }
  expect(await enter()).toBe('refused')
  await invite(context, { actor, name: 'ana' })
  account.email_verified = false
  expect(await enter()).toBe('refused')
  account.email_verified = true
  expect(await enter()).toBe('ana')
  account = { sub: 'a-2', email: 'ana@example.net', email_verified: true }
  expect(await enter()).toBe('refused')
  account = { sub: 'b-1', email: 'ben@example.com', email_verified: true }
  expect(await enter()).toBe('ben@example.com')
  account = { sub: 'e-1', email: 'eve@notexample.com', email_verified: true }
  expect(await enter()).toBe('refused')
  const users = await listUsers(context, { actor, projectId: '*' })
  expect(users.find(({ name }) => name === 'ben@example.com')!.grants).toEqual([
    { project: '*', role: 'viewer' },
  ])
})

it('What was begun in another browser, forged or leads elsewhere is refused', async () => {
  const url = await open()
  account = { sub: 'a-1', email: 'ana@example.org', email_verified: true }
  const begun = new Map<string, string>()
  const callback = await browse(`${url}/auth/openid?return=/runs`, begun, /\/auth\/openid\/callback/)
  const refused = async (jar: Map<string, string>): Promise<void> => {
    expect(await browse(callback, jar)).toContain('/sign-in?problem=')
    expect(jar.has('tidemill_session')).toBe(false)
  }
  await refused(new Map())
  const [text, signature] = begun.get('tidemill_pending')!.split('.')
  const forged = {
    ...(JSON.parse(Buffer.from(text!, 'base64url').toString()) as object),
    returnTo: '//evil.example',
  }
  const bent = Buffer.from(JSON.stringify(forged)).toString('base64url')
  await refused(new Map([['tidemill_pending', `${bent}.${signature}`]]))
  expect(await browse(`${url}/auth/openid?return=//evil.example/runs`, new Map(), /^\/$/)).toBe(`${url}/`)
})

it('The secret of the client is shown nowhere', async () => {
  const url = await open()
  account = { sub: 'a-1', email: 'ana@example.org', email_verified: true }
  for (const path of ['/api/v1/sign-in', '/api/openapi.json'])
    expect(await (await fetch(url + path)).text()).not.toContain(context.config.oidcClientSecret)
  expect(await (await fetch(`${url}/api/v1/sign-in`)).json()).toEqual({ required: true, openId: true })
})
