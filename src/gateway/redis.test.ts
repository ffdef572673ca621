import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import {
  deploymentOf,
  openGateway,
  publish,
  tinyModel,
  variantOf,
  type TestGateway,
} from '../../test/gateways.ts'
import { hasRedisServer, OwnRedis } from '../../test/online-stores.ts'
import { onlineView, type FeatureServiceSpec, type ViewSpec } from '../features/schema.ts'
import { monotonicMs } from '../kernel/clock.ts'

const view: ViewSpec = {
  view: 'routes',
  entity: 'route',
  entityKey: 'route',
  dataset: 'flights',
  sql: 'SELECT 1',
  eventTime: 'event_time',
  createdTimestamp: null,
  ttlMs: 3_600_000,
  lookbackMs: null,
  features: [
    { name: 'hour', kind: 'number' },
    { name: 'distance', kind: 'number' },
  ],
  definitionHash: 'c'.repeat(64),
}

const service: FeatureServiceSpec = {
  name: 'late',
  entities: [{ name: 'route', key: 'route' }],
  views: [view],
  onDemand: [],
  features: [
    { name: 'hour', kind: 'number', from: 'view', source: 'routes' },
    { name: 'distance', kind: 'number', from: 'view', source: 'routes' },
    { name: 'carrier', kind: 'category', from: 'request', source: 'request' },
  ],
}

describe.skipIf(!hasRedisServer)('a gateway whose Redis goes away', () => {
  let redis: OwnRedis
  let context: TestContext
  let gateway: TestGateway
  beforeAll(async () => {
    redis = await OwnRedis.start()
    context = await openTestContext('sqlite', redis.url)
    const variant = await variantOf(context, { version: 1, bytes: tinyModel() })
    const policy = { version: 3, threshold: 0.5, fallback: { score: 0.2 } }
    const features = [
      {
        project: 'default',
        projectId: PROJECT_ID,
        views: [view],
        onDemand: [],
        services: [service],
        codeSnapshot: null,
      },
    ]
    await publish(context, [deploymentOf({ ...variant, featureService: service }, { policy })], { features })
    gateway = await openGateway(context)
    await fill()
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await context[Symbol.asyncDispose]()
    await redis[Symbol.asyncDispose]()
  })
  const fill = (): Promise<void> =>
    context.online.write(
      onlineView(PROJECT_ID, view),
      Array.from({ length: 300 }, (_, i) => ({
        entityKey: `r${i}`,
        values: [20, i],
        eventMs: context.clock.now(),
        createdMs: 0,
      })),
    )
  const ask = (rows: number) => {
    const column = (name: string, toValue: (row: number) => string): unknown => ({
      name,
      shape: [rows],
      datatype: 'BYTES',
      data: Array.from({ length: rows }, (_, row) => toValue(row)),
    })
    const inputs = [column('route', (row) => `r${row}`), column('carrier', () => 'AA')]
    return gateway.infer('/v2/models/late/infer', { inputs })
  }
  const vectors = async (): Promise<{ status: number; retryAfter: string | null; body: unknown }> => {
    const response = await fetch(`${gateway.url}/get-online-features`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ entities: { route: ['r7', 'x'] }, features: ['routes:distance'] }),
    })
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: await response.json(),
    }
  }
  const untilServed = async (): Promise<void> => {
    await expect.poll(async () => (await ask(1)).body.parameters['variant']).toBe('stable')
  }

  it('reads the features of all rows of a request', async () => {
    const { body } = await ask(300)
    expect(body.parameters).toMatchObject({ variant: 'stable' })
    expect(body.parameters).not.toHaveProperty('violations')
    const { status, body: found } = await vectors()
    expect(status).toBe(200)
    expect(found).toMatchObject({
      results: [{}, { values: [7, null], statuses: ['PRESENT', 'NOT_FOUND'] }],
    })
  })

  it('answers at once what the policy says when Redis was killed, and recovers by itself', async () => {
    await redis.signal('SIGKILL')
    let quickestMs = Infinity
    for (let again = 0; again < 5 || (quickestMs >= 450 && again < 50); again++) {
      const started = monotonicMs()
      const { status, body } = await ask(2)
      quickestMs = Math.min(quickestMs, monotonicMs() - started)
      expect(status).toBe(200)
      expect(body.parameters).toMatchObject({
        variant: 'fallback',
        violations: '["unavailable:routes","unavailable:routes"]',
      })
    }
    expect(quickestMs).toBeLessThan(450)
    expect(await vectors()).toMatchObject({
      status: 503,
      retryAfter: '1',
      body: expect.stringContaining('The online store (Redis) does not answer') as string,
    })
    await redis.start()
    while ((await fill().catch(() => 'away')) === 'away') await new Promise((end) => setTimeout(end, 20))
    await untilServed()
    expect((await vectors()).status).toBe(200)
  })

  it('waits for a Redis that stands still only for a moment, for many requests at once too', async () => {
    await redis.signal('SIGSTOP')
    const started = monotonicMs()
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(1)))
    expect(answers.map(({ body }) => body.parameters['variant'])).toEqual(Array(50).fill('fallback'))
    // One after the other would take a wait of Redis each.
    expect(monotonicMs() - started).toBeLessThan(10_000)
    await new Promise((end) => setTimeout(end, 1_500))
    let quickestMs = Infinity
    for (let again = 0; again < 5 || (quickestMs >= 300 && again < 50); again++) {
      const later = monotonicMs()
      await ask(1)
      quickestMs = Math.min(quickestMs, monotonicMs() - later)
    }
    expect(quickestMs).toBeLessThan(300)
    await redis.signal('SIGCONT')
    await untilServed()
  })
})
