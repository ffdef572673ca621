import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { appendEvent, consume } from '../jobs/events.ts'
import { JobRunner } from '../jobs/runner.ts'
import { localOwner } from '../kernel/actor.ts'
import {
  createModel,
  deleteAlias,
  registerVersion,
  setAlias,
  tagModel,
  tagModelVersion,
} from '../registry/registry.ts'
import { webhookConsumer } from './consumers.ts'
import { webhookJobs } from './jobs.ts'
import { openSecret, sealSecret } from './sealed-secret.ts'
import type { Delivery } from './schema.ts'
import { signatureOf } from './send.ts'
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listDeliveries,
  listWebhooks,
  redeliver,
  testWebhook,
  updateWebhook,
} from './webhooks.ts'

const OWNER = { projectId: PROJECT_ID, actor: localOwner }

interface Received {
  headers: IncomingHttpHeaders
  body: string
}

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** Another server: it keeps what it gets, and answers the n-th request as it is told. */
async function receiver(answer: (response: ServerResponse, number: number) => void) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
    answer(response, received.length)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received }
}

function ok(response: ServerResponse): void {
  response.end('thanks')
}

function status(response: ServerResponse, code: number, headers: Record<string, string> = {}): void {
  response.writeHead(code, headers).end()
}

/** Webhooks may call this machine. */
function local(context: TestContext): TestContext {
  return { ...context, config: { ...context.config, webhookPrivateAddresses: true } }
}

async function addHook(
  context: TestContext,
  url: string,
  events: string[],
  secret?: string,
): Promise<string> {
  const settings = { name: 'hook', url, events: events as ['alert.raised'], ...(secret && { secret }) }
  return (await createWebhook(context, { ...OWNER, ...settings })).id
}

async function happen(context: TestContext, key = 'k'): Promise<void> {
  const payload = { model: 'late', key, value: 'v' }
  await context.db.write((trx) =>
    appendEvent(trx, { projectId: PROJECT_ID, kind: 'model.tag_set', payload, atMs: context.clock.now() }),
  )
}

async function work(context: TestContext, worker = 'w') {
  while ((await consume(context, webhookConsumer)) > 0);
  const runner = new JobRunner(context, webhookJobs, { worker, slots: { work: 0, pipeline: 0, delivery: 8 } })
  await runner.start()
  return runner
}

async function deliveriesUntil(
  context: TestContext,
  webhookId: string,
  isDone: (deliveries: Delivery[]) => boolean,
): Promise<Delivery[]> {
  for (let tries = 0; tries < 1500; tries++) {
    const { deliveries } = await listDeliveries(context, { ...OWNER, webhookId, limit: 100 })
    if (deliveries.length > 0 && isDone(deliveries)) return deliveries
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('the deliveries do not come to that state')
}

const settled = (deliveries: Delivery[]): boolean =>
  deliveries.every(({ state }) => state === 'delivered' || state === 'failed')

describeDatabases('webhooks', (open) => {
  test('an event is delivered once, signed, to those who want it and to nobody else', async () => {
    const context = local(await open())
    const wanting = await receiver(ok)
    const other = await receiver(ok)
    const id = await addHook(context, wanting.url, ['model.tag_set'], 'secret')
    await addHook(context, other.url, ['alert.raised'])
    const disabled = await addHook(context, other.url, ['model.tag_set'])
    await updateWebhook(context, { ...OWNER, id: disabled, status: 'DISABLED' })
    await happen(context)
    await using _runner = await work(context)
    const [delivery] = await deliveriesUntil(context, id, settled)
    expect(delivery).toMatchObject({
      state: 'delivered',
      event: 'model.tag_set',
      attempts: [{ number: 1, status: 200, answer: 'thanks' }],
    })
    expect(wanting.received).toHaveLength(1)
    expect(other.received).toEqual([])
    const { headers, body } = wanting.received[0]!
    expect(JSON.parse(body)).toEqual({
      event: 'model.tag_set',
      sequence: expect.any(Number),
      timestamp: '2001-01-15T00:00:00.000+00:00',
      data: { model: 'late', key: 'k', value: 'v' },
    })
    const timestamp = headers['x-mlflow-timestamp'] as string
    expect(Math.abs(Number(timestamp) * 1000 - Date.now())).toBeLessThan(60_000)
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-tidemill-event': 'model.tag_set',
      'x-mlflow-delivery-id': delivery!.id,
      'x-mlflow-signature': signatureOf({ secret: 'secret', deliveryId: delivery!.id, timestamp, body }),
    })
  })

  test('MLflow’s events have its names and data, prompts their own', async () => {
    const context = local(await open())
    const { url, received } = await receiver(ok)
    const names = [
      'registered_model.created',
      'model_version.created',
      'model_version_tag.set',
      'model_version_tag.deleted',
      'model_version_alias.created',
      'model_version_alias.deleted',
      'prompt.created',
      'prompt_version.created',
      'prompt_tag.set',
    ]
    const id = await addHook(context, url, names)
    await createModel(context, {
      ...OWNER,
      name: 'late',
      description: 'Will it be late?',
      tags: [{ key: 'a', value: 'b' }],
    })
    await registerVersion(context, {
      ...OWNER,
      model: 'late',
      source: 'models:/m-1',
      runId: 'r1',
      tags: [{ key: 'c', value: 'd' }],
    })
    await tagModelVersion(context, { ...OWNER, model: 'late', version: 1, tag: { key: 'k', value: 'v' } })
    await tagModelVersion(context, { ...OWNER, model: 'late', version: 1, tag: { key: 'k' } })
    await setAlias(context, { ...OWNER, model: 'late', alias: 'champion', version: 1, source: 'rest' })
    await deleteAlias(context, { ...OWNER, model: 'late', alias: 'champion' })
    // A model's own tags are no event of MLflow's.
    await tagModel(context, { ...OWNER, name: 'late', tag: { key: 'x', value: 'y' } })
    const prompt = { key: 'mlflow.prompt.is_prompt', value: 'true' }
    await createModel(context, { ...OWNER, name: 'greeting', tags: [prompt] })
    await registerVersion(context, {
      ...OWNER,
      model: 'greeting',
      source: 'dummy',
      tags: [
        { key: 'mlflow.prompt.text', value: 'Hello' },
        { key: '_mlflow_prompt_type', value: 'text' },
        { key: 'lang', value: 'en' },
      ],
    })
    await tagModel(context, { ...OWNER, name: 'greeting', tag: { key: 'x', value: 'y' } })
    await using _runner = await work(context)
    await deliveriesUntil(context, id, (deliveries) => deliveries.length === 9 && settled(deliveries))
    const bodies = received.map(
      ({ body }) => JSON.parse(body) as { entity: string; action: string; data: object },
    )
    const data = Object.fromEntries(bodies.map((body) => [`${body.entity}.${body.action}`, body.data]))
    expect(data).toEqual({
      'registered_model.created': { name: 'late', tags: { a: 'b', x: 'y' }, description: 'Will it be late?' },
      'model_version.created': {
        name: 'late',
        version: '1',
        source: 'models:/m-1',
        run_id: 'r1',
        tags: { c: 'd' },
        description: null,
      },
      'model_version_tag.set': { name: 'late', version: '1', key: 'k', value: 'v' },
      'model_version_tag.deleted': { name: 'late', version: '1', key: 'k' },
      'model_version_alias.created': { name: 'late', alias: 'champion', version: '1' },
      'model_version_alias.deleted': { name: 'late', alias: 'champion' },
      'prompt.created': { name: 'greeting', tags: { x: 'y' }, description: '' },
      'prompt_version.created': {
        name: 'greeting',
        version: '1',
        template: 'Hello',
        tags: { lang: 'en' },
        description: null,
      },
      'prompt_tag.set': { name: 'greeting', key: 'x', value: 'y' },
    })
  })

  test('is tried again after 500 and 429, under the same id, and not after 404 or a redirect', async () => {
    const context = local(await open())
    const answers = [500, 429]
    const shaky = await receiver((response, number) => status(response, answers[number - 1] ?? 200))
    const missing = await receiver((response) => status(response, 404))
    const moved = await receiver((response) => status(response, 302, { location: shaky.url }))
    const shakyId = await addHook(context, shaky.url, ['model.tag_set'])
    const missingId = await addHook(context, missing.url, ['model.tag_set'])
    const movedId = await addHook(context, moved.url, ['model.tag_set'])
    await happen(context)
    await using _runner = await work(context)
    const [retried] = await deliveriesUntil(context, shakyId, settled)
    expect(retried).toMatchObject({
      state: 'delivered',
      attempts: [{ status: 500 }, { status: 429 }, { status: 200 }],
    })
    const ids = new Set(shaky.received.map(({ headers }) => headers['x-mlflow-delivery-id']))
    expect([...ids]).toEqual([retried!.id])
    expect(new Set(shaky.received.map(({ body }) => body)).size).toBe(1)
    const [refused] = await deliveriesUntil(context, missingId, settled)
    expect(refused).toMatchObject({ state: 'failed', attempts: [{ status: 404 }] })
    const [redirected] = await deliveriesUntil(context, movedId, settled)
    expect(redirected).toMatchObject({
      state: 'failed',
      attempts: [{ status: 302, error: 'Redirects are not followed' }],
    })
    await redeliver(context, { ...OWNER, webhookId: missingId, deliveryId: refused!.id })
    const again = await deliveriesUntil(
      context,
      missingId,
      (deliveries) => deliveries[0]!.attempts.length === 2 && settled(deliveries),
    )
    expect(again[0]).toMatchObject({ id: refused!.id, state: 'failed' })
  }, 60_000)

  test('a slow receiver has at most four deliveries on their way, and holds up nobody else', async () => {
    const context = local(await open())
    let open_ = 0
    let most = 0
    const slow = await receiver((response) => {
      most = Math.max(most, ++open_)
      setTimeout(() => {
        open_ -= 1
        ok(response)
      }, 150)
    })
    const quick = await receiver(ok)
    const slowId = await addHook(context, slow.url, ['model.tag_set'])
    const quickId = await addHook(context, quick.url, ['model.tag_set'])
    for (let number = 0; number < 12; number++) await happen(context, `k${number}`)
    await using _runner = await work(context)
    await deliveriesUntil(context, quickId, (deliveries) => deliveries.length === 12 && settled(deliveries))
    await deliveriesUntil(context, slowId, (deliveries) => deliveries.length === 12 && settled(deliveries))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
    expect(slow.received).toHaveLength(12)
  }, 60_000)

  test('addresses that are not public are refused when a webhook is made, and when it is called', async () => {
    const context = await open()
    const { url, received } = await receiver(ok)
    const urls = [
      url,
      'http://localhost/x',
      'http://169.254.169.254/latest',
      'http://[::1]/',
      'http://[::ffff:10.0.0.1]/',
      'http://0x7f.1/',
      'http://10.1.2.3/',
    ]
    for (const address of urls)
      await expect(addHook(context, address, ['alert.raised'])).rejects.toMatchObject({ code: 'invalid' })
    for (const address of [
      'ftp://example.com',
      'file:///etc/passwd',
      'http://user:pw@example.com/',
      'nonsense',
    ])
      await expect(addHook(local(context), address, ['alert.raised'])).rejects.toMatchObject({
        code: 'invalid',
      })
    // Made while the settings allowed it; they do not any more.
    const id = await addHook(local(context), url, ['model.tag_set'])
    await happen(context)
    await using _runner = await work(context)
    const [delivery] = await deliveriesUntil(context, id, settled)
    expect(delivery).toMatchObject({
      state: 'failed',
      attempts: [{ error: expect.stringContaining('no public address') }],
    })
    expect(received).toEqual([])
  })

  test('a secret is kept encrypted under a key of its own, and never shown', async () => {
    const context = local(await open())
    const id = await addHook(context, 'http://127.0.0.1:9/', ['alert.raised'], 'do not tell')
    expect(await getWebhook(context, { ...OWNER, id })).toMatchObject({ isSigned: true })
    const row = await context.db.read.selectFrom('webhook').selectAll().executeTakeFirstOrThrow()
    expect(JSON.stringify([row, await getWebhook(context, { ...OWNER, id })])).not.toContain('do not tell')
    const audit = await context.db.read.selectFrom('audit').selectAll().execute()
    expect(JSON.stringify(audit)).not.toContain('do not tell')
    const key = join(context.config.dataDir, 'secrets.key')
    expect(statSync(key).mode & 0o777).toBe(0o600)
    expect(openSecret(context.config, row.secret!)).toBe('do not tell')
    writeFileSync(key, Buffer.alloc(32, 7).toString('base64'))
    expect(() => openSecret(context.config, row.secret!)).toThrow(/another key/)
    const given = { dataDir: '/nowhere', secretsKey: readFileSync(key, 'utf8') }
    expect(openSecret(given, sealSecret(given, 'x'))).toBe('x')
    expect(existsSync('/nowhere')).toBe(false)
    expect(await updateWebhook(context, { ...OWNER, id, secret: '' })).toMatchObject({ isSigned: false })
  })

  test('a test is sent at once, and neither repeated nor logged', async () => {
    const context = local(await open())
    const { url, received } = await receiver((response, number) =>
      number === 1 ? ok(response) : status(response, 500),
    )
    const id = await addHook(context, url, ['model_version.created', 'alert.raised'])
    expect(await testWebhook(context, { ...OWNER, id })).toMatchObject({
      isSuccess: true,
      status: 200,
      answer: 'thanks',
    })
    expect(JSON.parse(received[0]!.body)).toMatchObject({
      entity: 'model_version',
      action: 'created',
      data: { name: 'example' },
    })
    expect(await testWebhook(context, { ...OWNER, id, event: 'alert.raised' })).toMatchObject({
      isSuccess: false,
      status: 500,
    })
    expect((await listDeliveries(context, { ...OWNER, webhookId: id, limit: 10 })).deliveries).toEqual([])
    const gone = await addHook(context, 'http://127.0.0.1:9/', ['alert.raised'])
    expect(await testWebhook(context, { ...OWNER, id: gone })).toMatchObject({
      isSuccess: false,
      error: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('lists in pages, changes, deletes, and refuses what it does not know', async () => {
    const context = local(await open())
    const ids = []
    for (let number = 0; number < 3; number++)
      ids.push(await addHook(context, 'http://127.0.0.1:9/', ['alert.raised']))
    const first = await listWebhooks(context, { ...OWNER, limit: 2 })
    const second = await listWebhooks(context, { ...OWNER, limit: 2, pageToken: first.nextPageToken })
    expect([...first.webhooks, ...second.webhooks].map(({ id }) => id)).toEqual(ids.toReversed())
    expect(second.nextPageToken).toBeUndefined()
    const changed = await updateWebhook(context, {
      ...OWNER,
      id: ids[0]!,
      events: ['rollout.changed'],
      description: 'd',
    })
    expect(changed).toMatchObject({
      events: ['rollout.changed'],
      description: 'd',
      url: 'http://127.0.0.1:9/',
    })
    await deleteWebhook(context, { ...OWNER, id: ids[0]! })
    await expect(getWebhook(context, { ...OWNER, id: ids[0]! })).rejects.toMatchObject({ code: 'not_found' })
    await expect(addHook(context, 'http://127.0.0.1:9/', ['budget_policy.exceeded'])).rejects.toThrow(
      /There is no event budget_policy.exceeded/,
    )
    await expect(addHook(context, 'http://127.0.0.1:9/', [])).rejects.toMatchObject({ code: 'invalid' })
    const actor = { ...localOwner, grants: { [PROJECT_ID]: 'contributor' as const } }
    await expect(listWebhooks(context, { projectId: PROJECT_ID, actor, limit: 1 })).rejects.toMatchObject({
      code: 'denied',
    })
  })

  test('events that no webhook wants cost no delivery and no transaction', async () => {
    const context = local(await open())
    await happen(context)
    let writes = 0
    const write: TestContext['db']['write'] = (work_) => {
      writes += 1
      return context.db.write(work_)
    }
    expect(await consume({ ...context, db: { ...context.db, write } }, webhookConsumer)).toBe(1)
    expect(writes).toBe(1)
  })
})
