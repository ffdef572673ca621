import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { deploymentOf, openGateway, publish, tinyModel, variantOf } from '../../test/gateways.ts'
import { onlineView, type FeatureServiceSpec, type ViewSpec } from '../features/schema.ts'
import { heldKeys, valueTreatment } from '../privacy/privacy.ts'
import type { PersonalPolicies } from '../privacy/definition.ts'
import { readPredictionSegment } from '../prediction-log/prediction-log.ts'
import type { DesiredDeployment } from '../serving/schema.ts'

const infer = '/v2/models/late/infer'
const EMAIL = 'ada.lovelace@example.org'

const view: ViewSpec = {
  view: 'trips',
  entity: 'traveller',
  entityKey: 'email',
  dataset: 'travellers',
  sql: 'SELECT 1',
  eventTime: 'event_time',
  createdTimestamp: null,
  ttlMs: 3_600_000,
  lookbackMs: null,
  features: [{ name: 'distance', kind: 'number' }],
  definitionHash: 'b'.repeat(64),
}

const service: FeatureServiceSpec = {
  name: 'late_v2',
  entities: [{ name: 'traveller', key: 'email' }],
  views: [view],
  onDemand: [],
  features: [
    { name: 'hour', kind: 'number', from: 'request', source: 'request' },
    { name: 'distance', kind: 'number', from: 'view', source: 'trips' },
    { name: 'carrier', kind: 'category', from: 'request', source: 'request' },
  ],
}

describeDatabases('personal columns of requests', (open) => {
  const arrange = async (columns: PersonalPolicies, more: Partial<DesiredDeployment> = {}) => {
    const context = await open()
    const [key] = heldKeys(context.config, PROJECT_ID)
    const variant = await variantOf(context, { version: 2, bytes: tinyModel() })
    const hashed = valueTreatment('hash', key)!(EMAIL) as string
    await context.online.write(onlineView(PROJECT_ID, view), [
      { entityKey: hashed, values: [700], eventMs: context.clock.now(), createdMs: 0 },
    ])
    const personal = { columns, keyId: key!.id }
    await publish(context, [
      deploymentOf({ ...variant, featureService: service }, { personal, unit: { input: 'email' }, ...more }),
    ])
    return { context, hashed }
  }
  const request = (carrier = 'AA') => ({
    inputs: [
      { name: 'hour', shape: [1], datatype: 'FP64', data: [20] },
      { name: 'carrier', shape: [1], datatype: 'BYTES', data: [carrier] },
      { name: 'email', shape: [1], datatype: 'BYTES', data: [EMAIL] },
    ],
  })
  const logged = async (context: TestContext) => {
    const segments = await context.db.read.selectFrom('log_segment').selectAll().execute()
    const bytes = await Promise.all(segments.map(({ sha256 }) => context.artifacts.bytes(sha256)))
    return { bytes: Buffer.concat(bytes), rows: bytes.flatMap((each) => readPredictionSegment(each).rows) }
  }

  it('are hashed before features are looked up, and nothing else is logged', async () => {
    const { context, hashed } = await arrange({ email: 'hash', carrier: { first: 2 }, hour: { bucket: 12 } })
    await using gateway = await openGateway(context)
    expect(gateway.gateway.engine.problems).toEqual({})
    const { status, body } = await gateway.infer(infer, request('AA Airlines'))
    expect(status).toBe(200)
    expect(body.parameters['violations']).toBeUndefined()
    await gateway.gateway.engine.flush()
    const { rows, bytes } = await logged(context)
    expect(rows).toMatchObject([{ entityKey: hashed, features: [12, 700, 'AA'], violations: null }])
    for (const secret of [EMAIL, 'lovelace', 'Airlines']) expect(bytes.includes(secret)).toBe(false)
  })

  it('of models that are served elsewhere are treated alike', async () => {
    const { context, hashed } = await arrange({ email: 'hash', name: 'drop', carrier: 'mask' })
    await using gateway = await openGateway(context)
    gateway.gateway.engine.external(PROJECT_ID, [
      {
        deployment: 'late',
        prediction_id: 'p-1',
        time_ms: context.clock.now(),
        features: { name: 'Ada Lovelace', carrier: 'American', hour: 3 },
        entity_key: EMAIL,
        unit: EMAIL,
      },
    ])
    await gateway.gateway.engine.flush()
    const { rows, bytes } = await logged(context)
    expect(rows).toMatchObject([{ entityKey: hashed, unit: hashed, features: ['A***', 3, null] }])
    expect(bytes.includes('ovelace')).toBe(false)
  })

  it('are not served with another key than that of the project', async () => {
    const { context } = await arrange(
      { email: 'hash' },
      { personal: { columns: { email: 'hash' }, keyId: 'another' } },
    )
    await using gateway = await openGateway(context)
    expect(Object.values(gateway.gateway.engine.problems)).toEqual([
      'late hashes personal values with the key another, which this process does not have: give it TIDEMILL_PRIVACY_KEY',
    ])
    expect((await gateway.infer(infer, request())).status).toBe(503)
  })
})
