import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { HOUR_MS } from '../kernel/time-spans.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { deploymentOf, lease, openGateway, publish, row, tinyModel, variantOf } from '../../test/gateways.ts'
import { onlineView, type FeatureServiceSpec, type ViewSpec } from '../features/schema.ts'
import { makeSnapshot, snapshotBytes } from '../project/snapshot.ts'
import { freezeCategoryBins, freezeNumericBins, equalWidthBins } from '../statistics/bins.ts'
import { decodeProfile, featureCells, prepareLayout, profileTotals } from '../statistics/profile.ts'
import { readPredictionSegment, type PredictionSegment } from '../prediction-log/prediction-log.ts'
import type { DesiredDeployment, Variant } from '../serving/schema.ts'

const infer = '/v2/models/late/infer'

const view: ViewSpec = {
  view: 'airport_delays',
  entity: 'airport',
  entityKey: 'origin',
  dataset: 'flights',
  sql: 'SELECT 1',
  eventTime: 'event_time',
  createdTimestamp: null,
  ttlMs: 6 * HOUR_MS,
  lookbackMs: null,
  features: [{ name: 'distance', kind: 'number' }],
  definitionHash: 'a'.repeat(64),
}

/** `hour` is computed from the date of the request, `distance` read online by airport, `carrier` sent. */
const service: FeatureServiceSpec = {
  name: 'late_v2',
  entities: [{ name: 'airport', key: 'origin' }],
  views: [view],
  onDemand: [
    {
      name: 'flight_time',
      module: 'features/flight-time.ts',
      export: 'flightTime',
      inputs: [{ name: 'date', kind: 'timestamp' }],
      outputs: [{ name: 'hour', kind: 'number' }],
      budgetMs: 1000,
    },
  ],
  features: [
    { name: 'hour', kind: 'number', from: 'on_demand', source: 'flight_time' },
    { name: 'distance', kind: 'number', from: 'view', source: 'airport_delays' },
    { name: 'carrier', kind: 'category', from: 'request', source: 'request' },
  ],
}

const layout = {
  features: [
    { name: 'hour', bins: freezeNumericBins(Array.from({ length: 24 }, (_, i) => i)) },
    { name: 'distance', bins: freezeNumericBins([100, 500, 1000]) },
    { name: 'carrier', bins: freezeCategoryBins([['AA', 2]]) },
  ],
  score: equalWidthBins(0, 1, 10),
  label: freezeCategoryBins([
    ['0', 1],
    ['1', 1],
  ]),
}

async function storeCode({ artifacts }: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-code-'))
  try {
    mkdirSync(join(folder, 'features'))
    writeFileSync(
      join(folder, 'features', 'flight-time.ts'),
      'export const flightTime = ({ date }: { date: number }) => ({ hour: new Date(date).getUTCHours() })\n',
    )
    const snapshot = await makeSnapshot(folder, ['features/flight-time.ts'])
    return (await artifacts.put(snapshotBytes(snapshot))).sha256
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function setUp(context: TestContext): Promise<Variant> {
  const variant = await variantOf(context, { version: 2, bytes: tinyModel() })
  const reference = await context.artifacts.put(Buffer.from(JSON.stringify({ layout })))
  await context.online.write(onlineView(PROJECT_ID, view), [
    { entityKey: 'ATL', values: [700], eventMs: context.clock.now() - HOUR_MS, createdMs: 0 },
    { entityKey: 'JFK', values: [700], eventMs: context.clock.now() - 7 * HOUR_MS, createdMs: 0 },
  ])
  return {
    ...variant,
    featureService: service,
    codeSnapshot: await storeCode(context),
    layoutSha256: reference.sha256,
  }
}

function request(origins: (string | null)[]): unknown {
  const shape = [origins.length]
  return {
    inputs: [
      { name: 'date', shape, datatype: 'BYTES', data: origins.map(() => '2001-01-15T20:30:00') },
      { name: 'origin', shape, datatype: 'BYTES', data: origins },
      { name: 'carrier', shape, datatype: 'BYTES', data: origins.map(() => 'AA') },
    ],
  }
}

async function segmentsOf(context: TestContext): Promise<PredictionSegment[]> {
  const rows = await context.db.read.selectFrom('log_segment').selectAll().execute()
  return await Promise.all(
    rows.map(async ({ sha256 }) => readPredictionSegment(await context.artifacts.bytes(sha256))),
  )
}

const withFallback = (stable: Variant, more: Partial<DesiredDeployment> = {}): DesiredDeployment =>
  deploymentOf(stable, { policy: { version: 3, threshold: 0.5, fallback: { score: 0.2 } }, ...more })

describeDatabases('a gateway with a feature service', (open) => {
  it('computes, reads and logs the features that the model saw', async () => {
    const context = await open()
    await publish(context, [deploymentOf(await setUp(context))])
    await using gateway = await openGateway(context)
    expect(gateway.gateway.engine.problems).toEqual({})
    const served = await gateway.infer(infer, request(['ATL']))
    const direct = await variantOf(context, { version: 9, bytes: tinyModel() })
    await gateway.serves(await publish(context, [deploymentOf(direct)]))
    const raw = await gateway.infer(infer, row(20, 700, 'AA'))
    expect(served.body.outputs).toEqual(raw.body.outputs)
    await gateway.gateway.engine.flush()
    const [first] = (await segmentsOf(context)).flatMap(({ rows }) => rows)
    expect(first).toMatchObject({
      features: [20, 700, 'AA'],
      entityKey: 'ATL',
      featureAges: `{"airport_delays":${HOUR_MS}}`,
      request: `{"date":${Date.UTC(2001, 0, 15, 20, 30)},"origin":"ATL"}`,
      violations: null,
    })
  })

  it('answers what the policy says where features are stale or missing, row by row', async () => {
    const context = await open()
    await publish(context, [withFallback(await setUp(context))])
    await using gateway = await openGateway(context)
    const { status, body } = await gateway.infer(infer, request(['ATL', 'JFK', 'XXX']))
    expect(status).toBe(200)
    expect(body.parameters).toMatchObject({
      variant: 'stable',
      fallback_rows: '[1,2]',
      decisions: '["true","false","false"]',
      violations: '[null,"stale:airport_delays","missing:airport_delays"]',
    })
    expect(body.outputs[1]!.data.slice(3)).toEqual([
      0.20000000298023224, 0.800000011920929, 0.20000000298023224,
    ])
    const alone = await gateway.infer(infer, request(['JFK']))
    expect(alone.body.parameters).toMatchObject({
      variant: 'fallback',
      decision: 'false',
      violations: 'stale:airport_delays',
    })
    await gateway.gateway.engine.flush()
    const logged = (await segmentsOf(context)).flatMap(({ rows, routes }) =>
      rows.map((each) => [routes.get(each.route)!.variant, each.features[1], each.violations, each.score]),
    )
    expect(logged.slice(1)).toEqual([
      ['fallback', null, 'stale:airport_delays', 0.2],
      ['fallback', null, 'missing:airport_delays', 0.2],
      ['fallback', null, 'stale:airport_delays', 0.2],
    ])
    expect(logged[0]!.slice(0, 3)).toEqual(['stable', 700, null])
  })

  it('without a fallback gives the model the missing value, and says what was wrong', async () => {
    const context = await open()
    await publish(context, [deploymentOf(await setUp(context))])
    await using gateway = await openGateway(context)
    const { body } = await gateway.infer(infer, request(['JFK']))
    expect(body.parameters).toMatchObject({ variant: 'stable', violations: 'stale:airport_delays' })
    const bad = await gateway.infer(infer, {
      inputs: [{ name: 'date', shape: [1], datatype: 'BYTES', data: ['soon'] }],
    })
    expect(bad).toMatchObject({ status: 400, body: { error: 'Input "date": "soon" is no ISO 8601 time' } })
  })

  it('says once for a view, not for each of its features, that it is stale', async () => {
    const context = await open()
    const variant = await setUp(context)
    const [hour, distance, carrier] = service.features
    const second = { ...distance!, name: 'late_share' }
    const wide = { ...view, features: [...view.features, { name: 'late_share', kind: 'number' as const }] }
    const model = await context.artifacts.put(tinyModel(0, ['late_share']))
    const featureService = {
      ...service,
      views: [wide],
      features: [hour!, distance!, second, carrier!],
    }
    await publish(context, [deploymentOf({ ...variant, onnxSha256: model.sha256, featureService })])
    await using gateway = await openGateway(context)
    const { body } = await gateway.infer(infer, request(['JFK']))
    expect(body.parameters).toMatchObject({ variant: 'stable', violations: 'stale:airport_delays' })
  })

  it('gives a candidate null for an input that stable does not need, and requires what stable needs', async () => {
    const context = await open()
    const candidate = await setUp(context)
    const stable: Variant = {
      ...candidate,
      modelVersionId: 'late-1',
      version: 1,
      onnxSha256: (await context.artifacts.put(tinyModel(1))).sha256,
      featureService: {
        ...service,
        features: service.features.map((feature) =>
          feature.name === 'carrier' ? { ...feature, from: 'on_demand', source: 'flight_time' } : feature,
        ),
        onDemand: service.onDemand.map((each) => ({
          ...each,
          outputs: [...each.outputs, { name: 'carrier', kind: 'category' }],
        })),
      },
    }
    await publish(context, [
      deploymentOf(stable, {
        candidate: { ...candidate, rolloutId: 'rollout', stage: 1, mode: 'canary', weight: 10_000 },
      }),
    ])
    await lease(context, 'rollout')
    await using gateway = await openGateway(context)
    expect(gateway.gateway.engine.problems).toEqual({})
    const { inputs } = request(['ATL']) as { inputs: { name: string }[] }
    const without = (name: string): unknown => ({ inputs: inputs.filter((each) => each.name !== name) })
    const old = await gateway.infer(infer, without('carrier'))
    expect(old.body.parameters).toMatchObject({
      variant: 'canary',
      version: 2,
      violations: 'missing:carrier',
    })
    const full = await gateway.infer(infer, { inputs })
    expect(full.body.parameters).not.toHaveProperty('violations')
    expect(full.body.model_version).toBe('2')
    expect(await gateway.infer(infer, without('date'))).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('Input "date" is missing') as string },
    })
    expect((await gateway.infer('/v2/models/late/versions/2/infer', without('carrier'))).status).toBe(400)
    await gateway.gateway.engine.flush()
    const rows = (await segmentsOf(context)).flatMap((segment) => segment.rows)
    expect(rows.map(({ features, violations, status }) => [features[2], violations, status])).toEqual([
      [null, 'missing:carrier', 'ok'],
      ['AA', null, 'ok'],
    ])
  })

  it('counts every row over the frozen bins, with the rows in one write', async () => {
    const context = await open()
    await publish(context, [withFallback(await setUp(context))])
    await using gateway = await openGateway(context)
    await Promise.all(Array.from({ length: 10 }, () => gateway.infer(infer, request(['ATL', 'JFK']))))
    await gateway.gateway.engine.flush()
    const prepared = prepareLayout(layout)
    const totals = new Map<string, number>()
    let missing = 0
    for (const { routes, profiles } of await segmentsOf(context)) {
      for (const { route, hourMs, profile } of profiles) {
        const { variant } = routes.get(route)!
        const decoded = decodeProfile(prepared, profile)
        expect(hourMs).toBe(context.clock.now() - (context.clock.now() % HOUR_MS))
        totals.set(variant, (totals.get(variant) ?? 0) + profileTotals(decoded).rows)
        missing += featureCells(prepared, decoded, 1)[0]!
      }
    }
    expect(Object.fromEntries(totals)).toEqual({ stable: 10, fallback: 10 })
    expect(missing).toBe(10)
  })
})

describeDatabases('a gateway whose disk refuses', (open) => {
  it('goes on answering, says that the row is not logged, and counts the loss', async () => {
    const context = await open()
    await publish(context, [deploymentOf(await variantOf(context, { version: 1, bytes: tinyModel() }))])
    await using gateway = await openGateway(context)
    const { engine } = gateway.gateway
    rmSync(engine.spool.folder, { recursive: true })
    const lost = await gateway.infer(infer, row(20))
    expect(lost).toMatchObject({ status: 200, body: { parameters: { logged: false, decision: 'true' } } })
    expect((await gateway.infer('/feedback', { prediction_id: 'p', label: 1 })).status).toBe(503)
    const external = [{ prediction_id: 'e', deployment: 'late', time_ms: 1 }]
    expect((await gateway.infer('/api/v1/predictions', external)).status).toBe(503)
    expect(engine.log.lostRows).toBe(2)
    mkdirSync(engine.spool.folder)
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect((await gateway.infer(infer, row(20))).body.parameters).not.toHaveProperty('logged')
  })
})
