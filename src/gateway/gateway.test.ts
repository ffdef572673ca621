import { expect, it } from 'vitest'
import { describeDatabases, type TestContext } from '../../test/databases.ts'
import { deploymentOf, lease, openGateway, publish, row, tinyModel, variantOf } from '../../test/gateways.ts'
import { listGatewayProblems } from '../serving/serving.ts'
import { type PredictionSegment, readPredictionSegment } from '../prediction-log/prediction-log.ts'

/** Every prediction segment that the database knows. */
async function loggedSegments(context: TestContext): Promise<PredictionSegment[]> {
  const rows = await context.db.read
    .selectFrom('log_segment')
    .selectAll()
    .where('kind', '=', 'prediction')
    .execute()
  return await Promise.all(
    rows.map(async ({ sha256 }) => readPredictionSegment(await context.artifacts.bytes(sha256))),
  )
}

async function loggedRows(context: TestContext) {
  const segments = await loggedSegments(context)
  return segments.flatMap(({ rows, routes }) =>
    rows.map((each) => ({ ...each, header: routes.get(each.route)! })),
  )
}

const infer = '/v2/models/late/infer'

async function setUp(context: TestContext) {
  const v1 = await variantOf(context, { version: 1, bytes: tinyModel() })
  const v2 = await variantOf(context, { version: 2, bytes: tinyModel(4) })
  return { v1, v2 }
}

describeDatabases('a gateway', (open) => {
  it('answers, and logs the row that it answered with', async () => {
    const context = await open()
    const { v1 } = await setUp(context)
    await publish(context, [deploymentOf(v1, { entity: { name: 'airport', key: 'origin' } })])
    await using gateway = await openGateway(context)
    const { inputs } = row(20, 700, 'UA') as { inputs: unknown[] }
    const origin = { name: 'origin', shape: [1], datatype: 'BYTES', data: ['ATL'] }
    const answer = await gateway.infer(
      infer,
      { id: '42', inputs: [...inputs, origin] },
      { 'x-request-id': 'r-1' },
    )
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      id: '42',
      model_version: '1',
      parameters: { request_id: 'r-1', variant: 'stable', version: 1, decision: 'true' },
    })
    await gateway.gateway.engine.flush()
    const [logged] = await loggedRows(context)
    const probability = answer.body.outputs[1]!.data[1] as number
    expect(logged).toMatchObject({
      predictionId: answer.body.parameters['prediction_id'],
      requestId: 'r-1',
      timeMs: context.clock.now(),
      entityKey: 'ATL',
      score: probability,
      decision: 'true',
      status: 'ok',
      features: [20, 700, 'UA'],
      output: { label: 1, probabilities: [answer.body.outputs[1]!.data[0], probability] },
      header: { deployment: 'late', version: 1, variant: 'stable', generation: 1 },
    })
  })

  it('answers a pinned version past the rollout, and says which versions there are', async () => {
    const context = await open()
    const { v1, v2 } = await setUp(context)
    await publish(context, [deploymentOf(v1, { previous: v2 })])
    await using gateway = await openGateway(context)
    const pinned = await gateway.infer('/v2/models/late/versions/2/infer', row(12))
    expect(pinned.body).toMatchObject({ model_version: '2', parameters: { variant: 'pinned' } })
    const missing = await gateway.infer('/v2/models/late/versions/3/infer', row(12))
    expect(missing).toMatchObject({
      status: 404,
      body: { error: 'Version 3 of late is not served; served are 1, 2' },
    })
  })

  it('sends a canary its share by unit, only while its lease is live, and counts both arms', async () => {
    const context = await open()
    const { v1, v2 } = await setUp(context)
    const candidate = { ...v2, rolloutId: 'rollout', stage: 1, mode: 'canary' as const, weight: 5000 }
    await publish(context, [deploymentOf(v1, { candidate, unit: { header: 'x-user' } })])
    await using gateway = await openGateway(context)
    const ask = async (user: number): Promise<string> => {
      const { body } = await gateway.infer(infer, row(12), { 'x-user': `u${user}` })
      return String(body.parameters['variant'])
    }
    const users = Array.from({ length: 60 }, (_, i) => i)
    const without = await Promise.all(users.map(ask))
    expect(new Set(without)).toEqual(new Set(['stable']))
    await lease(context, 'rollout')
    for (let tries = 0; tries < 200; tries++) {
      if ((await Promise.all(users.map(ask))).includes('canary')) break
    }
    const first = await Promise.all(users.map(ask))
    expect(await Promise.all(users.map(ask))).toEqual(first)
    const share = first.filter((variant) => variant === 'canary').length / users.length
    expect(share).toBeGreaterThan(0.25)
    expect(share).toBeLessThan(0.75)
    await gateway.gateway.engine.flush()
    const sums = new Map<string, number>()
    for (const { routes, counts } of await loggedSegments(context)) {
      for (const { route, metric, n } of counts) {
        const key = `${routes.get(route)!.variant}/${metric}`
        sums.set(key, (sums.get(key) ?? 0) + n)
      }
    }
    const counted = (await loggedRows(context)).filter(({ bucket }) => bucket >= 0)
    for (const variant of ['stable', 'canary']) {
      const rows = counted.filter(({ header }) => header.variant === variant).length
      expect(sums.get(`${variant}/error`)).toBe(rows)
      expect(sums.get(`${variant}/latency_slow`)).toBe(rows)
    }
  })

  it('answers with stable in the same request when a canary fails, and counts that against it', async () => {
    const context = await open()
    const { v1 } = await setUp(context)
    const needsMore = await variantOf(context, { version: 2, bytes: tinyModel(0, ['altitude']) })
    const { signature } = needsMore
    const altitude = { name: 'altitude', kind: 'number' as const, datatype: 'FP32' as const, nullable: false }
    const variant = { ...needsMore, signature: { ...signature, inputs: [...signature.inputs, altitude] } }
    const candidate = { ...variant, rolloutId: 'rollout', stage: 0, mode: 'canary' as const, weight: 10_000 }
    await publish(context, [deploymentOf(v1, { candidate })])
    await lease(context, 'rollout')
    await using gateway = await openGateway(context)
    expect(gateway.gateway.engine.problems).toEqual({})
    const answers = await Promise.all(Array.from({ length: 3 }, () => gateway.infer(infer, row(12))))
    for (const { status, body } of answers)
      expect([status, body.parameters['variant']]).toEqual([200, 'stable'])
    const bad = await gateway.infer(infer, { inputs: (row(12) as { inputs: unknown[] }).inputs.slice(1) })
    expect(bad.status).toBe(400)
    for (let i = 0; i < 6; i++) await gateway.infer(infer, row(12))
    expect(gateway.gateway.engine.stats.breakerTrips).toBe(1)
    await gateway.gateway.engine.flush()
    const rows = await loggedRows(context)
    const failed = rows.filter(({ status }) => status === 'error')
    expect(failed).toHaveLength(5)
    expect(failed[0]).toMatchObject({ header: { variant: 'canary', version: 2 }, output: null })
    const errors = (await loggedSegments(context)).flatMap(({ routes, counts }) =>
      counts.filter(({ route, metric }) => metric === 'error' && routes.get(route)!.variant === 'canary'),
    )
    expect(errors.reduce((sum, count) => sum + count.sum, 0)).toBe(5)
  })

  it('runs a shadow on what was answered, paired with the answer', async () => {
    const context = await open()
    const { v1, v2 } = await setUp(context)
    const candidate = { ...v2, rolloutId: 'rollout', stage: 0, mode: 'shadow' as const, weight: 0 }
    await publish(context, [deploymentOf(v1, { candidate })])
    await lease(context, 'rollout')
    await using gateway = await openGateway(context)
    let nowMs = context.clock.now()
    context.clock.now = () => nowMs++
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => gateway.infer(infer, row(i))))
    for (const { body } of answers)
      expect(body).toMatchObject({ model_version: '1', parameters: { variant: 'stable' } })
    await gateway.gateway.engine.flush()
    const rows = await loggedRows(context)
    const shadows = rows.filter(({ header }) => header.variant === 'shadow')
    expect(new Set(shadows.map(({ pairId }) => pairId))).toEqual(
      new Set(answers.map(({ body }) => body.parameters['prediction_id'])),
    )
    expect(shadows).toHaveLength(answers.length)
    const answerOf = new Map(rows.map((each) => [each.predictionId, each]))
    expect(shadows.map(({ timeMs }) => timeMs)).toEqual(
      shadows.map(({ pairId }) => answerOf.get(pairId!)!.timeMs),
    )
    const difference = (await loggedSegments(context))
      .flatMap(({ counts }) => counts)
      .filter(({ metric }) => metric === 'score_diff')
    const expected = shadows.reduce(
      (sum, shadow) => sum + shadow.score - answerOf.get(shadow.pairId!)!.score,
      0,
    )
    expect(difference.reduce((sum, count) => sum + count.sum, 0)).toBeCloseTo(expected, 9)
  })

  it('runs the shadow of what was asked before the next generation dropped the candidate', async () => {
    const context = await open()
    const { v1, v2 } = await setUp(context)
    const candidate = { ...v2, rolloutId: 'rollout', stage: 0, mode: 'shadow' as const, weight: 0 }
    await publish(context, [deploymentOf(v1, { candidate })])
    await lease(context, 'rollout')
    await using gateway = await openGateway(context)
    const { engine } = gateway.gateway
    const deployment = engine.deployment('default', 'late')
    const columns = deployment.inputs.map(({ kind }) => (kind === 'category' ? ['AA'] : [12]))
    const request = { rows: 1, columns, header: () => undefined, caller: null, traceId: null }
    const answers = Array.from({ length: 5 }, () =>
      engine.predict(deployment, { ...request, startedMs: performance.now() }),
    )
    const without = { generation: engine.generation + 1, replay: false, deployments: [deploymentOf(v1)] }
    await engine.apply(without)
    await Promise.all(answers)
    await engine.flush()
    const shadows = (await loggedRows(context)).filter(({ pairId }) => pairId !== null)
    expect(shadows.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
  })

  it('swaps versions under load without a failed request, and unloads what is no longer named', async () => {
    const context = await open()
    const { v1, v2 } = await setUp(context)
    await publish(context, [deploymentOf(v1)])
    await using gateway = await openGateway(context)
    const stop = new AbortController()
    const seen = new Map<string, number>()
    const client = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const { status, body } = await gateway.infer(infer, row(12))
        const key = `${status}/${body.model_version}`
        seen.set(key, (seen.get(key) ?? 0) + 1)
      }
    }
    const clients = Array.from({ length: 8 }, client)
    for (let swap = 0; swap < 6; swap++) {
      await gateway.serves(await publish(context, [deploymentOf(swap % 2 ? v1 : v2)]))
    }
    stop.abort()
    await Promise.all(clients)
    expect([...seen.keys()].sort()).toEqual(['200/1', '200/2'])
    expect(gateway.gateway.engine.deployments[0]!.variants).toHaveLength(1)
  })

  it('keeps serving the last good version when a new one cannot be loaded, and says so', async () => {
    const context = await open()
    const { v1 } = await setUp(context)
    const broken = await variantOf(context, { version: 2, bytes: Buffer.from('no model') })
    await publish(context, [deploymentOf(v1)])
    await using gateway = await openGateway(context)
    await gateway.serves(await publish(context, [deploymentOf(broken)]))
    expect((await gateway.infer(infer, row(12))).body.model_version).toBe('1')
    expect(gateway.gateway.engine.problems['default/late']).toMatch(/can't|cannot be loaded/)
    await expect
      .poll(async () => {
        const [told] = await context.db.read.selectFrom('gateway').selectAll().execute()
        return JSON.parse(told!.problems_json) as object
      })
      .toHaveProperty('default/late')
  })

  it('answers 503 for a deployment that was never loaded, and the overview says why', async () => {
    const context = await open()
    const broken = await variantOf(context, { version: 1, bytes: Buffer.from('no model') })
    await using gateway = await openGateway(context)
    await gateway.serves(await publish(context, [deploymentOf(broken)]))
    expect(await gateway.infer(infer, row(12))).toMatchObject({
      status: 503,
      body: { error: expect.stringContaining('The deployment "late" could not be loaded') as string },
    })
    await expect
      .poll(async () => (await listGatewayProblems(context, { project: 'default' }))[0])
      .toMatchObject({
        deployment: 'late',
        sentence: expect.stringContaining("The gateway can't serve late. ") as string,
      })
    expect(await listGatewayProblems(context, { project: 'other' })).toEqual([])
  })

  it('takes feedback once it is on disk, and refuses what it cannot join', async () => {
    const context = await open()
    const { v1 } = await setUp(context)
    await publish(context, [deploymentOf(v1)])
    await using gateway = await openGateway(context)
    const good = await gateway.infer('/feedback', [
      { prediction_id: 'p-1', label: 1, label_time_ms: 5 },
      { request_id: 'r-1', label: 'late', source: 'tower', revision: 2 },
    ])
    expect(good).toMatchObject({ status: 200, body: { accepted: 2 } })
    const bad = await gateway.infer('/feedback', { label: 1 })
    expect(bad).toMatchObject({ status: 400, body: { error: { code: 'invalid' } } })
    await gateway.gateway.engine.flush()
    const { rows } = await context.db.read
      .selectFrom('log_segment')
      .selectAll()
      .where('kind', '=', 'feedback')
      .executeTakeFirstOrThrow()
    expect(rows).toBe(2)
  })

  it('accepts an event time in a replay only', async () => {
    const context = await open()
    const { v1 } = await setUp(context)
    await publish(context, [deploymentOf(v1)])
    await using live = await openGateway(context)
    const header = { 'tidemill-event-time': '979516805000' }
    expect((await live.infer(infer, row(12), header)).status).toBe(400)
    expect((await live.infer('/control/flush', {})).status).toBe(400)
    await live[Symbol.asyncDispose]()
    const replay = { ...context, config: { ...context.config, replay: true } }
    await using gateway = await openGateway(replay)
    expect((await gateway.infer(infer, row(12), header)).status).toBe(200)
    expect((await gateway.infer('/control/flush', {})).body).toEqual({ flushed: true })
    expect((await loggedRows(context)).map(({ timeMs }) => timeMs)).toEqual([979516805000])
  })

  it('shows its counters to Prometheus', async () => {
    const context = await open()
    const { v1 } = await setUp(context)
    await publish(context, [deploymentOf(v1)])
    await using gateway = await openGateway(context)
    await gateway.infer(infer, row(12))
    await gateway.infer(infer, { inputs: [] })
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    expect(text).toContain(
      'tidemill_requests_total{project="default",deployment="late",variant="stable",version="1"} 1',
    )
    expect(text).toContain(
      'tidemill_latency_seconds_count{project="default",deployment="late",variant="stable",version="1"} 1',
    )
    expect(text).toContain('tidemill_bad_requests_total 1')
    expect(text).toContain('tidemill_generation 1')
  })

  it('lets no second gateway of the same name into its folder', async () => {
    const context = await open()
    await using _ = await openGateway(context)
    await expect(openGateway(context)).rejects.toMatchObject({ code: 'conflict' })
  })
})
