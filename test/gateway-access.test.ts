import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { localOwner } from '../src/kernel/actor.ts'
import { listTokenAccess } from '../src/governance/governance.ts'
import { addToken, removeToken } from '../src/governance/tokens.ts'
import { consume } from '../src/jobs/events.ts'
import { consumers } from '../src/rollout/consumers.ts'
import { findDesiredState } from '../src/serving/serving.ts'
import { openTestContext, type TestContext } from './databases.ts'
import {
  deploymentOf,
  openGateway,
  publish,
  row,
  tinyModel,
  variantOf,
  type TestGateway,
} from './gateways.ts'
import { projectNamed, userWithToken, withSignIn } from './people.ts'

let context: TestContext
let gateway: TestGateway | undefined

beforeEach(async () => {
  context = withSignIn(await openTestContext())
})

afterEach(async () => {
  await gateway?.[Symbol.asyncDispose]()
  gateway = undefined
  await context[Symbol.asyncDispose]()
})

const authorized = (token: string) => ({ authorization: `Bearer ${token}` })

it('A gateway refuses who may not call before it has read a body', async () => {
  const stable = await variantOf(context, { version: 1, bytes: tinyModel() })
  await userWithToken(context, 'root', { '*': 'admin' })
  await publish(context, [deploymentOf(stable)], { tokens: await listTokenAccess(context.db.read) })
  gateway = await openGateway(context)
  const { port } = new URL(gateway.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(
    'POST /v2/models/late/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 30000000\r\n\r\n{',
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString('utf8')).toMatch(/^HTTP\/1\.1 401 /)
  await once(socket, 'end')
  socket.destroy()
})

it('A gateway that others reach wants a token, and asks for the role that each call needs', async () => {
  const other = await projectNamed(context, 'other')
  const { token: viewer } = await userWithToken(context, 'ana', { default: 'viewer' })
  const { token: contributor } = await userWithToken(context, 'ben', { default: 'contributor' })
  const { token: stranger } = await userWithToken(context, 'eve', { [other]: 'admin' })
  await userWithToken(context, 'root', { '*': 'admin' })
  const stable = await variantOf(context, { version: 1, bytes: tinyModel() })
  await publish(context, [deploymentOf(stable)], { tokens: await listTokenAccess(context.db.read) })
  gateway = await openGateway(context)
  const { url } = gateway
  const infer: TestGateway['infer'] = (...sent) => gateway!.infer(...sent)
  const ask = '/v2/models/late/infer'
  expect((await infer(ask, row(8))).status).toBe(401)
  expect((await infer(ask, row(8), authorized('tmt_made-up'))).status).toBe(401)
  expect((await infer(ask, row(8), authorized(viewer))).status).toBe(200)
  expect(await infer(ask, row(8), authorized(stranger))).toMatchObject({
    status: 404,
    body: { error: 'There is no project default' },
  })
  expect((await infer(`/p/other${ask}`, row(8), authorized(viewer))).status).toBe(404)

  const basic = Buffer.from(`whoever:${viewer}`).toString('base64')
  expect((await infer(ask, row(8), { authorization: `Basic ${basic}` })).status).toBe(200)
  const item = { prediction_id: 'p', label: 1 }
  expect((await infer('/feedback', item)).status).toBe(401)
  expect((await infer('/feedback', item, authorized(viewer))).status).toBe(403)
  expect((await infer('/feedback', item, authorized(contributor))).status).toBe(200)
  expect((await infer('/api/v1/predictions', [], authorized(viewer))).status).toBe(403)
  const invocations = await infer('/invocations', {}, {})
  expect(invocations).toMatchObject({ status: 401, body: { error_code: 'UNAUTHENTICATED' } })

  const get = async (path: string, headers: Record<string, string> = {}) =>
    await fetch(url + path, { headers })
  for (const path of ['/health', '/ping', '/version', '/v2', '/v2/health/live', '/v2/health/ready'])
    expect((await get(path)).status, path).toBe(200)
  expect(await (await get('/health')).json()).toEqual({ generation: 1 })
  const refused = await get('/metrics')
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toBe('Bearer, Basic realm="Tidemill"')
  expect((await get('/metrics', authorized(viewer))).status).toBe(403)
  expect((await get('/v2/models/late')).status).toBe(401)
})

it('Making and revoking a token writes the next generation, which gateways follow', async () => {
  await userWithToken(context, 'root', { '*': 'admin' })
  const follow = async (): Promise<void> => {
    const access = consumers.find(({ name }) => name === 'rollout.access')!
    while ((await consume(context, access)) > 0);
  }
  await follow()
  gateway = await openGateway(context)
  const input = { user: 'root', name: 'ci', role: 'viewer', projectId: '*', expiresMs: null } as const
  const { id, token } = await addToken(context, { ...input, actor: localOwner })
  const status = async (): Promise<number> =>
    (await fetch(`${gateway!.url}/metrics`, { headers: authorized(token) })).status
  expect(await status()).toBe(401)
  await follow()
  await gateway.serves((await findDesiredState(context.db.read))!.generation)
  expect(await status()).toBe(200)
  await removeToken(context, { actor: localOwner, id })
  await follow()
  await gateway.serves((await findDesiredState(context.db.read))!.generation)
  expect(await status()).toBe(401)
})
