import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { declareDatasets } from '../src/data/data.ts'
import { dataset } from '../src/data/definition.ts'
import { entity, featureService, featureView, onDemand, requestFeatures } from '../src/features/definition.ts'
import { declareFeatures, getService } from '../src/features/features.ts'
import { materialize } from '../src/materialization/materialize.ts'
import type { FeatureServiceSpec } from '../src/features/schema.ts'
import { EventDispatcher } from '../src/jobs/dispatcher.ts'
import { ingest } from '../src/ingest/ingest.ts'
import { localOwner } from '../src/kernel/actor.ts'
import { monitor } from '../src/monitoring/definition.ts'
import { consumers as monitoringConsumers } from '../src/monitoring/consumers.ts'
import { declareMonitors } from '../src/monitoring/monitoring.ts'
import { makeSnapshot, snapshotBytes } from '../src/project/snapshot.ts'
import { registerVersion } from '../src/registry/registry.ts'
import { consumers as rolloutConsumers } from '../src/rollout/consumers.ts'
import { declareDeployments, deploy } from '../src/rollout/rollout.ts'
import { deployment } from '../src/serving/definition.ts'
import { files } from '../src/sources/definition.ts'
import { until } from '../src/worker/sample-project.ts'
import { startWorker } from '../src/worker/worker.ts'
import { PROJECT_ID, type TestContext } from './databases.ts'
import { openGateway, tinyModel, variantOf, type TestGateway } from './gateways.ts'

const SOURCE = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
export const HOUR_MS = 3_600_000
export const START_MS = Date.UTC(2001, 0, 3, 12)
const caller = { projectId: PROJECT_ID, actor: localOwner }

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

export interface Played extends AsyncDisposable {
  context: TestContext
  gateway: TestGateway
  worker: AsyncDisposable
  spec: FeatureServiceSpec
  folder: string
}

/** Real flights, their features online, and a gateway that serves a model with them. */
export async function arrange(context: TestContext): Promise<Played> {
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
    worker,
    spec,
    folder,
    async [Symbol.asyncDispose]() {
      for (const resource of [gateway, worker, dispatcher]) await resource[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Delivers the flights that landed in the hour before, brings the view up to the present, and asks about flights of the hour. */
export async function playHour(
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

/** Waits until what the gateway has served is counted, and goes to where all hours are over. */
export async function hoursAreOver({ context, gateway }: Played, hours: number): Promise<void> {
  await gateway.gateway.engine.flush()
  await until('the counts of the rows', async () => {
    const rows = await context.db.read.selectFrom('traffic_hour').select('hour_ms').execute()
    return rows.length === hours ? rows : undefined
  })
  context.clock.set(START_MS + (hours + 1) * HOUR_MS)
}
