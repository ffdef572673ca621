import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { openGateway, type TestGateway, tinyModel, variantOf } from '../../test/gateways.ts'
import { getEntry } from '../catalogue/catalogue.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { dataset } from '../data/definition.ts'
import { entity, featureService, featureView, onDemand, requestFeatures } from '../features/definition.ts'
import { declareFeatures, getService, materialize } from '../features/features.ts'
import { onlineView, type FeatureServiceSpec } from '../features/schema.ts'
import { createApp } from '../http/app.ts'
import { EventDispatcher } from '../jobs/dispatcher.ts'
import { localOwner } from '../kernel/actor.ts'
import { consumers as monitoringConsumers } from '../monitoring/jobs.ts'
import { monitor } from '../monitoring/definition.ts'
import { declareMonitors, listAlerts } from '../monitoring/monitoring.ts'
import { currentKey, insertErasedKey, keyedHash } from '../privacy/privacy.ts'
import { makeSnapshot, snapshotBytes } from '../project/snapshot.ts'
import { registerVersion } from '../registry/registry.ts'
import { consumers as rolloutConsumers } from '../rollout/jobs.ts'
import { declareDeployments, deploy } from '../rollout/rollout.ts'
import { overviewRoutes } from '../server/overview.ts'
import { deployment } from '../serving/definition.ts'
import { files } from '../sources/definition.ts'
import { until } from '../worker/sample-project.ts'
import { startWorker } from '../worker/worker.ts'
import { listSkew } from './report.ts'
import { findPredictions } from '../serving/serving.ts'
import { eraseExamples, tickSkew } from './skew.ts'
import { listHours, sumCounts } from './store.ts'

const SOURCE = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2001, 0, 3, 12)
const caller = { projectId: PROJECT_ID, actor: localOwner }
const EVER = { projectId: PROJECT_ID, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

const flights = dataset('flights', { source: files('data/*.parquet'), time: 'date' })
const airport = entity('airport', { key: 'origin' })
const delays = featureView('airport_delays', {
  entity: airport,
  dataset: flights,
  sql: `SELECT origin, landed_at AS event_time, avg(delay) OVER w1 AS delay_1h, avg(delay) OVER w3 AS delay_3h
    FROM (SELECT *, date + to_minutes(CAST(30 + distance / 8 AS BIGINT)) AS landed_at FROM dataset)
    WINDOW w1 AS (PARTITION BY origin ORDER BY landed_at RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW),
      w3 AS (PARTITION BY origin ORDER BY landed_at RANGE BETWEEN INTERVAL 3 HOURS PRECEDING AND CURRENT ROW)`,
  ttl: '6h',
  lookback: '15h',
  features: { delay_1h: 'number', delay_3h: 'number' },
})
/** Its values change as flights leave the window too, without any new data. */
const load = featureView('airport_load', {
  entity: airport,
  dataset: flights,
  windows: ['2h'],
  aggregate: { load: { count: '*' } },
})
const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp', distance: 'number' },
  outputs: { hour: 'number', distance: 'number' },
  module: 'flight-time.mjs',
  export: 'flightTime',
  budgetMs: 1000,
})
const service = featureService('late_features', [
  flightTime,
  requestFeatures({ carrier: 'category' }),
  delays,
  load,
])

const VIEW_FEATURES = ['delay_1h', 'delay_3h', 'load_2h']

/** What the gateway's process has and a training has not. */
const surroundings = globalThis as { hoursShifted?: number }

afterEach(() => void delete surroundings.hoursShifted)

interface Played extends AsyncDisposable {
  context: TestContext
  gateway: TestGateway
  spec: FeatureServiceSpec
  folder: string
}

async function arrange(context: TestContext): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-skew-'))
  mkdirSync(join(folder, 'data'))
  writeFileSync(
    join(folder, 'flight-time.mjs'),
    `export const flightTime = ({ date, distance }) =>
      ({ hour: new Date(date).getUTCHours() + (globalThis.hoursShifted ?? 0), distance })`,
  )
  context.clock.set(START_MS)
  await declareDatasets(context, { ...caller, directory: folder, datasets: [flights] })
  const definitions = {
    entities: [airport],
    views: [delays, load],
    onDemand: [flightTime],
    services: [service],
  }
  await declareFeatures(context, { ...caller, definitions })
  const spec = await getService(context, { projectId: PROJECT_ID, name: 'late_features' })
  const { signature } = await variantOf(context, { version: 1, bytes: tinyModel() })
  const more = VIEW_FEATURES.map((name) => ({ ...signature.inputs[0]!, name }))
  const code = await context.artifacts.put(snapshotBytes(await makeSnapshot(folder, ['flight-time.mjs'])))
  await registerVersion(context, {
    ...caller,
    model: 'late',
    source: 'test',
    task: 'binary',
    createModel: true,
    onnx: await context.artifacts.put(tinyModel(0, VIEW_FEATURES)),
    signature: { ...signature, inputs: [...signature.inputs, ...more] } as never,
    featureService: { name: spec.name, spec: { ...spec } },
    codeSnapshot: code.sha256,
  })
  await declareDeployments(context, { ...caller, deployments: [deployment('late', { model: 'late' })] })
  await declareMonitors(context, { ...caller, monitors: [monitor('late', { deployment: 'late' })] })
  await deploy(context, { ...caller, deployment: 'late', model: 'late', version: 1, cause: 'test' })
  const dispatcher = new EventDispatcher(context, [...monitoringConsumers, ...rolloutConsumers])
  dispatcher.start()
  const worker = await startWorker(context)
  const gateway = await openGateway(context)
  return {
    context,
    gateway,
    spec,
    folder,
    async [Symbol.asyncDispose]() {
      for (const resource of [gateway, worker, dispatcher]) await resource[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Delivers the flights that landed in the hour before, brings the view up to the present, and asks about flights of the hour. */
async function playHour(
  { context, gateway, spec, folder }: Played,
  hour: number,
  change?: () => Promise<void>,
) {
  const nowMs = START_MS + hour * HOUR_MS
  context.clock.set(nowMs)
  const fromMs = hour === 0 ? nowMs - 24 * HOUR_MS : nowMs - HOUR_MS
  const path = join(folder, 'data', `${hour}.parquet`)
  await context.analytics
    .execute(`COPY (SELECT * FROM '${SOURCE}' WHERE date < make_timestamp(${(nowMs + HOUR_MS) * 1000})
      AND date + to_minutes(CAST(30 + distance / 8 AS BIGINT)) > make_timestamp(${fromMs * 1000})
      AND date + to_minutes(CAST(30 + distance / 8 AS BIGINT)) <= make_timestamp(${nowMs * 1000}))
    TO '${path}.tmp' (FORMAT parquet)`)
  renameSync(`${path}.tmp`, path)
  const looked = await ingest(context, { ...caller, dataset: 'flights' })
  expect(looked.state).toBe('created')
  for (const { view, definitionHash } of spec.views)
    await materialize(context, { projectId: PROJECT_ID, view, definitionHash, untilMs: nowMs })
  await change?.()
  const asked = await context.analytics.query(`SELECT epoch_ms(date) AS at, distance, origin FROM '${SOURCE}'
    WHERE date >= make_timestamp(${nowMs * 1000}) AND date < make_timestamp(${(nowMs + HOUR_MS) * 1000})
    ORDER BY date, origin, distance LIMIT 60`)
  const inputs = (name: string, datatype: string, column: string) => ({
    name,
    datatype,
    shape: [asked.length],
    data: asked.map((row) => row[column] ?? 'AA'),
  })
  context.clock.set(nowMs + HOUR_MS / 2)
  const { status } = await gateway.infer('/v2/models/late/infer', {
    inputs: [
      inputs('date', 'INT64', 'at'),
      inputs('distance', 'FP64', 'distance'),
      inputs('origin', 'BYTES', 'origin'),
      inputs('carrier', 'BYTES', 'carrier'),
    ],
  })
  expect(status).toBe(200)
}

async function checked({ context, gateway }: Played, hours: number): Promise<void> {
  await gateway.gateway.engine.flush()
  await until('the counts of the rows', async () => {
    const rows = await context.db.read.selectFrom('traffic_hour').select('hour_ms').execute()
    return rows.length === hours ? rows : undefined
  })
  context.clock.set(START_MS + (hours + 1) * HOUR_MS)
  await tickSkew(context)
  await until('the check of served features', async () => {
    const done = await context.db.read.selectFrom('skew_window').select('start_ms').execute()
    return done.length === hours ? done : undefined
  })
}

async function forget(context: TestContext, startMs: number): Promise<void> {
  await context.db.write(async (trx) => {
    await trx.deleteFrom('skew_window').where('start_ms', '=', startMs).execute()
    await trx.deleteFrom('skew_count').where('start_ms', '=', startMs).execute()
    // The tick asks for the same hours only once.
    await trx.deleteFrom('job').where('kind', '=', 'skew.check').execute()
  })
}

const rates = (counts: Awaited<ReturnType<typeof sumCounts>>) =>
  Object.fromEntries(
    counts.map(({ feature, checked, mismatched, unchecked }) => [feature, [checked, mismatched, unchecked]]),
  )

describeDatabases('served features, computed again', (open) => {
  it('finds none of them skewed where training and serving share one definition, and tells late data apart', async () => {
    await using played = await arrange(await open())
    const { context } = played
    for (const hour of [0, 1, 2]) await playHour(played, hour)
    // The flights that land until then come late: they would have been known to a training set.
    await checked(played, 3)
    const counts = await sumCounts(context.db.read, EVER)
    expect(rates(counts)).toEqual({
      delay_1h: [180, 0, 0],
      delay_3h: [180, 0, 0],
      distance: [180, 0, 0],
      hour: [180, 0, 0],
      load_2h: [180, 0, 0],
    })
    const late = Object.fromEntries(counts.map((each) => [each.feature, each.late]))
    expect(late['delay_1h']).toBeGreaterThan(20)
    expect(late['hour']).toBe(0)
    expect(await listAlerts(context.db.read, { projectId: PROJECT_ID, limit: 10 })).toEqual([])
    const [last] = await listHours(context.db.read, { ...EVER, limit: 1 })
    expect(last!.startMs).toBe(START_MS + 2 * HOUR_MS)
    // As a process leaves it that is killed between two hours: the others are checked again, alike.
    await forget(context, START_MS)
    await checked(played, 3)
    expect(await sumCounts(context.db.read, EVER)).toEqual(counts)
    // What was online then is no longer known: that is said, and nobody is accused.
    await forget(context, START_MS)
    await context.db.write((trx) => trx.deleteFrom('feature_materialization_history').execute())
    await checked(played, 3)
    const unknown = (await sumCounts(context.db.read, EVER)).find(({ feature }) => feature === 'delay_1h')!
    expect(unknown.mismatched).toBe(0)
    expect(unknown.unchecked).toBe(late['delay_1h']! - unknown.late)
    expect(unknown.unchecked).toBeGreaterThan(0)
  }, 240_000)

  it('names the one feature whose online values were changed, with examples, and raises an alert', async () => {
    await using played = await arrange(await open())
    const { context, spec } = played
    const name = onlineView(PROJECT_ID, spec.views[0]!)
    await playHour(played, 0)
    await playHour(played, 1, async () => {
      const [rows] = await context.online.read([{ view: name, entityKeys: ['ATL', 'ORD', 'DFW', 'LAX'] }])
      const keys = ['ATL', 'ORD', 'DFW', 'LAX']
      const written = rows!.flatMap((row, index) =>
        row ? [{ ...row, entityKey: keys[index]!, values: [row.values[0]!, Number(row.values[1]) + 5] }] : [],
      )
      await context.online.write(name, written)
    })
    await checked(played, 2)
    const counts = await sumCounts(context.db.read, EVER)
    const mismatched = Object.fromEntries(counts.map((each) => [each.feature, each.mismatched]))
    expect(mismatched['delay_3h']).toBeGreaterThan(5)
    expect({ ...mismatched, delay_3h: 0 }).toEqual({
      delay_1h: 0,
      delay_3h: 0,
      distance: 0,
      hour: 0,
      load_2h: 0,
    })
    const hours = await listHours(context.db.read, { ...EVER, limit: 10 })
    const { examples } = hours.find(({ feature }) => feature === 'delay_3h')!
    const example = examples.find(({ kind }) => kind === 'mismatch')!
    expect(['ATL', 'ORD', 'DFW', 'LAX']).toContain(example.inputs['origin'])
    expect(example.ageMs).toBeGreaterThan(0)
    const [alert] = await listAlerts(context.db.read, { projectId: PROJECT_ID, limit: 10 })
    expect(alert).toMatchObject({ kind: 'skew', subject: 'skew:airport_delays', blocksTraining: false })
    expect(alert!.causes.map((cause) => cause.name)).toEqual(['delay_3h'])
    const app = createApp({
      context,
      routes: overviewRoutes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const overview = (await (await app.request('/api/v1/overview')).json()) as {
      stations: { features: { word: string } }
    }
    expect(overview.stations.features.word).toBe('skewed')
    const { skew, source } = await getEntry(context, { ...caller, name: 'airport_delays' })
    expect(source).toBeNull()
    expect(skew).toMatchObject({
      checked: 240,
      mismatched: mismatched['delay_3h'],
      worst: { feature: 'delay_3h' },
    })
    const report = await listSkew(context, { ...caller, source: 'airport_delays', days: 7 })
    expect(report.features.map(({ feature, rate }) => [feature, rate!.lower > 0.01])).toEqual([
      ['delay_1h', false],
      ['delay_3h', true],
    ])
    const events = await context.db.read
      .selectFrom('event')
      .selectAll()
      .where('kind', '=', 'features.skewed')
      .execute()
    expect(JSON.parse(events[0]!.payload_json)).toMatchObject({
      deployment: 'late',
      source: 'airport_delays',
      features: ['delay_3h'],
    })
    // Requests name ATL where the deployment is about nobody in particular, or about somebody else.
    const person = { projectId: PROJECT_ID, column: 'origin', values: ['ATL'], others: ['late'] }
    expect((await findPredictions(context, person)).length).toBeGreaterThan(0)
    await eraseExamples(context, { ...person, erasureId: 'e', predictionIds: [] })
    const left = await listHours(context.db.read, { ...EVER, limit: 10 })
    expect(left.flatMap((each) => each.examples).map(({ inputs }) => inputs['origin'])).not.toContain('ATL')
    expect(await sumCounts(context.db.read, EVER)).toEqual(counts)
    // A check that read the rows before somebody was erased keeps no example of them.
    const key = await currentKey(context, PROJECT_ID)
    await context.db.write(async (trx) => {
      for (const airport of ['ATL', 'ORD', 'DFW', 'LAX'])
        await insertErasedKey(trx, {
          project_id: PROJECT_ID,
          key_column: 'origin',
          key_hash: keyedHash(key, airport),
          key_id: key.id,
          erasure_id: airport,
          came_again_rows: 0,
          created_ms: 0,
        })
    })
    await forget(context, START_MS + HOUR_MS)
    await checked(played, 2)
    const again = await listHours(context.db.read, { ...EVER, fromMs: START_MS + HOUR_MS, limit: 10 })
    expect(again.flatMap((each) => each.examples).filter((each) => each.kind === 'mismatch')).toEqual([])
    expect(await sumCounts(context.db.read, EVER)).toEqual(counts)
    expect(alert!.sentence).toMatch(
      /^airport_delays is not served as it is computed offline: \d+ of 120 values of delay_3h differ/,
    )
  }, 240_000)

  it('names the function that gives another value in the gateway, and clears the alert when it does no longer', async () => {
    await using played = await arrange(await open())
    const { context } = played
    surroundings.hoursShifted = 1
    await playHour(played, 0)
    await checked(played, 1)
    const raised = await listAlerts(context.db.read, { projectId: PROJECT_ID, state: 'open', limit: 10 })
    expect(raised.map(({ subject, causes }) => [subject, causes.map(({ name }) => name)])).toEqual([
      ['skew:flight_time', ['hour']],
    ])
    delete surroundings.hoursShifted
    for (const hour of [1, 2, 3]) await playHour(played, hour)
    await checked(played, 4)
    const [alert] = await listAlerts(context.db.read, { projectId: PROJECT_ID, limit: 10 })
    expect(alert).toMatchObject({ state: 'cleared', subject: 'skew:flight_time' })
    expect(alert!.clearedSentence).toContain('flight_time are what the offline data give again')
  }, 240_000)
})
