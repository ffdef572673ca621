import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { between, notNull } from '../expectations/definition.ts'
import { dataset } from '../data/definition.ts'
import { files } from '../sources/definition.ts'
import type { DatasetVersion } from '../data/schema.ts'
import { localOwner } from '../kernel/actor.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import { entity, featureService, featureView, onDemand } from '../features/definition.ts'
import { declareFeatures, getService } from '../features/features.ts'
import { materialize } from './materialize.ts'
import { onlineReader, viewFeatures } from '../vectors/vectors.ts'
import { trainingSet } from '../point-in-time/point-in-time.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'

const SOURCE = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
const LAST_DAY_MS = Date.UTC(2001, 0, 31)
const WINDOWS = [1, 3, 6]

const flights = dataset('flights', {
  source: files('data/*.parquet'),
  time: 'date',
  expect: [
    notNull('origin'),
    notNull('destination'),
    between('delay', -120, 2000),
    between('distance', 1, 6000),
  ],
})
const view = featureView('airport_delays', {
  entity: entity('airport', { key: 'origin' }),
  dataset: flights,
  sql: `
    SELECT origin, landed_at AS event_time, ${WINDOWS.map(
      (h) => `count(*) OVER w${h} AS flights_${h}h, avg(delay) OVER w${h} AS mean_delay_${h}h,
      avg(CAST(delay > 15 AS INTEGER)) OVER w${h} AS late_share_${h}h`,
    ).join(', ')}
    FROM (SELECT *, date + to_minutes(CAST(30 + distance / 8 AS BIGINT)) AS landed_at FROM dataset)
    WINDOW ${WINDOWS.map((h) => `w${h} AS (PARTITION BY origin ORDER BY landed_at RANGE BETWEEN INTERVAL ${h} HOURS PRECEDING AND CURRENT ROW)`).join(', ')}`,
  ttl: '6h',
  lookback: '18h',
  features: Object.fromEntries(
    WINDOWS.flatMap((h) =>
      [`flights_${h}h`, `mean_delay_${h}h`, `late_share_${h}h`].map((name) => [name, 'number']),
    ),
  ),
})
const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp', distance: 'number' },
  outputs: { hour: 'number', weekday: 'number', distance: 'number' },
  module: 'flight-time.mjs',
  export: 'flightTime',
})

let context: TestContext
let folder: string
let spec: FeatureServiceSpec
let version: DatasetVersion
const base = { projectId: PROJECT_ID, actor: localOwner }

beforeAll(async () => {
  context = await openTestContext()
  folder = mkdtempSync(join(tmpdir(), 'tidemill-flights-'))
  mkdirSync(join(folder, 'data'))
  writeFileSync(
    join(folder, 'flight-time.mjs'),
    `export const flightTime = ({ date, distance }) => {
      const time = new Date(date)
      return { hour: time.getUTCHours(), weekday: time.getUTCDay(), distance }
    }`,
  )
  await context.analytics.execute(`CREATE OR REPLACE VIEW january AS SELECT *,
    epoch_ms(date + to_minutes(CAST(30 + distance / 8 AS BIGINT))) AS landed FROM '${SOURCE}' WHERE date < '2001-02-01'`)
  await declareDatasets(context, { ...base, directory: folder, datasets: [flights] })
  await declareFeatures(context, {
    ...base,
    definitions: {
      entities: [entity('airport', { key: 'origin' })],
      views: [view],
      onDemand: [flightTime],
      services: [featureService('late_v2', [flightTime, view])],
    },
  })
  spec = await getService(context, { projectId: PROJECT_ID, name: 'late_v2' })
})

afterAll(async () => {
  await context[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** Delivers the flights that landed in (fromMs, toMs] as a file. */
async function deliver(fromMs: number, toMs: number): Promise<void> {
  const path = join(folder, 'data', `${fromMs}.parquet`)
  await context.analytics.execute(`COPY (SELECT * EXCLUDE landed FROM january
    WHERE landed > ${fromMs} AND landed <= ${toMs} ORDER BY date) TO '${path}.tmp' (FORMAT parquet, COMPRESSION zstd)`)
  renameSync(`${path}.tmp`, path)
}

async function look(): Promise<DatasetVersion> {
  const result = await ingest(context, { ...base, dataset: 'flights' })
  if (result.state !== 'created') throw new Error(JSON.stringify(result))
  return result.version
}

async function update(untilMs: number): Promise<number> {
  const { view: name, definitionHash } = spec.views[0]!
  const { rows } = await materialize(context, { projectId: PROJECT_ID, view: name, definitionHash, untilMs })
  return rows
}

it('serves in each hour of a day exactly what training sees at that moment', async () => {
  await deliver(0, LAST_DAY_MS)
  await look()
  await update(LAST_DAY_MS)
  const read = onlineReader(context.online, PROJECT_ID, viewFeatures(spec))
  const origins = (await context.analytics.query('SELECT DISTINCT origin FROM january ORDER BY origin')).map(
    (row) => row['origin'] as string,
  )
  const served = new Map<string, unknown[]>()
  for (let hour = 1; hour <= 24; hour++) {
    const now = LAST_DAY_MS + hour * HOUR_MS
    await deliver(now - HOUR_MS, now)
    version = await look()
    await update(now)
    const columns = await read({ origin: origins }, origins.length, now)
    for (const [row, origin] of origins.entries()) {
      served.set(
        `${origin} ${now}`,
        columns.map(({ values }) => values[row]),
      )
    }
  }
  const moments = Array.from({ length: 24 }, (_, hour) => LAST_DAY_MS + (hour + 1) * HOUR_MS)
  const target = join(folder, 'parity.parquet')
  await trainingSet(context, {
    ...base,
    spec,
    spine: {
      sql: `SELECT origin, make_timestamp(moment * 1000) AS date, 0 AS distance, moment
        FROM (SELECT DISTINCT origin FROM flights), (SELECT unnest([${moments.join(', ')}]) AS moment)`,
    },
    eventTime: 'date',
    datasetVersions: { flights: version.id },
    snapshotDirectory: folder,
    target,
  })
  const rows = await context.analytics.query(`SELECT * FROM '${target}'`)
  const names = spec.views[0]!.features.map(({ name }) => name)
  let present = 0
  for (const row of rows) {
    const values = names.map((name) => row[name])
    if (values[0] !== null) present += 1
    expect([row['origin'], row['moment'], values]).toEqual([
      row['origin'],
      row['moment'],
      served.get(`${String(row['origin'])} ${String(row['moment'])}`),
    ])
  }
  expect(rows.length).toBeGreaterThan(4_000)
  expect(present).toBeGreaterThan(rows.length / 2)
}, 120_000)

it('joins to each flight of January only outcomes known by its departure', async () => {
  const target = join(folder, 'january.parquet')
  const made = await trainingSet(context, {
    ...base,
    spec,
    spine: { sql: 'SELECT date, origin, distance, CAST(delay > 15 AS INTEGER) AS late FROM flights' },
    eventTime: 'date',
    datasetVersions: { flights: version.id },
    snapshotDirectory: folder,
    target,
    withAges: true,
  })
  expect(made).toMatchObject({ rows: version.rows, violations: {} })
  const all = await context.analytics.columns('SELECT origin, landed, delay FROM january ORDER BY landed')
  const byOrigin = new Map<string, { landed: number; delay: number }[]>()
  for (const [row, origin] of (all['origin'] as string[]).entries()) {
    const known = byOrigin.get(origin) ?? []
    if (known.length === 0) byOrigin.set(origin, known)
    const landed = all['landed']![row] as number
    if (landed <= LAST_DAY_MS + 24 * HOUR_MS) known.push({ landed, delay: all['delay']![row] as number })
  }
  const sample = await context.analytics.query(
    `SELECT * FROM (SELECT *, row_number() OVER () AS n FROM '${target}') WHERE n % 1009 = 0`,
  )
  expect(sample.length).toBeGreaterThan(480)
  for (const row of sample) {
    const at = row['date'] as number
    const landings = byOrigin.get(row['origin'] as string)!.filter(({ landed }) => landed <= at)
    const newest = landings.at(-1)?.landed
    const fresh = newest !== undefined && at - newest <= 6 * HOUR_MS
    const expected = WINDOWS.flatMap((hours) => {
      if (!fresh) return [null, null, null]
      const recent = landings.filter(({ landed }) => landed >= newest - hours * HOUR_MS)
      const late = recent.filter(({ delay }) => delay > 15).length
      return [
        recent.length,
        recent.reduce((sum, { delay }) => sum + delay, 0) / recent.length,
        late / recent.length,
      ]
    })
    const found = spec.views[0]!.features.map(({ name }) => row[name])
    expect({ at, age: row['airport_delays__age_ms'], found }).toEqual({
      at,
      age: newest === undefined ? null : at - newest,
      found: expected,
    })
    expect([row['hour'], row['weekday']]).toEqual([new Date(at).getUTCHours(), new Date(at).getUTCDay()])
  }
}, 120_000)
