import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openTestContext, PROJECT_ID } from '../../test/databases.ts'
import { declareDatasets } from '../data/data.ts'
import { dataset } from '../data/definition.ts'
import { entity, featureView } from '../features/definition.ts'
import { declareFeatures, listLiveViews } from '../features/features.ts'
import { onlineView } from '../features/schema.ts'
import { ingest } from '../ingest/ingest.ts'
import { localOwner } from '../kernel/actor.ts'
import { MINUTE_MS } from '../kernel/time-spans.ts'
import { files } from '../sources/definition.ts'
import { enqueueDueMaterializations } from './materialization.ts'
import { materialize } from './materialize.ts'

const FLIGHTS = 'node_modules/vega-datasets/data/flights-3m.parquet'
const START_MS = Date.UTC(2001, 0, 3, 12)
const WINDOWS = { '10m': 10 * MINUTE_MS, '1h': 60 * MINUTE_MS, '3h': 180 * MINUTE_MS }
const STEP_MS = 2_500
const AIRPORT = 'ATL'
const base = { projectId: PROJECT_ID, actor: localOwner }

/** An event may stay so much longer in a window than the window is, before the server looks again. */
function patienceMs(windowMs: number): number {
  return Math.max(windowMs / 200, 10_000)
}

it('A window online is, at each moment, that of a moment not long before: a 200th of it, and at least ten seconds', async () => {
  await using context = await openTestContext()
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-fresh-'))
  const airport = entity('airport', { key: 'origin' })
  const flights = dataset('flights', { source: files('*.parquet'), time: 'date' })
  const busy = featureView('busy', {
    entity: airport,
    dataset: flights,
    windows: ['10m', '1h', '3h'],
    aggregate: { flights: { count: '*' } },
    ttl: '6h',
  })
  // Departures of the next quarter of an hour are known already, as bookings are.
  const between = `date > make_timestamp(${(START_MS - 4 * 3_600_000) * 1000}) AND date < make_timestamp(${(START_MS + 15 * MINUTE_MS) * 1000})`
  await context.analytics.execute(
    `COPY (SELECT * FROM '${FLIGHTS}' WHERE ${between}) TO '${folder}/1.parquet'`,
  )
  const departures = await context.analytics.query(
    `SELECT epoch_ms(date) AS ms FROM '${FLIGHTS}' WHERE ${between} AND origin = '${AIRPORT}'`,
  )
  const times = departures.map(({ ms }) => Number(ms))
  expect(times.length).toBeGreaterThan(50)
  const countAt = (moment: number, windowMs: number): number =>
    times.filter((ms) => ms > moment - windowMs && ms <= moment).length

  await declareDatasets(context, { ...base, directory: folder, datasets: [flights] })
  context.clock.set(START_MS)
  const definitions = { entities: [airport], views: [busy], onDemand: [], services: [] }
  await declareFeatures(context, { ...base, definitions })
  await ingest(context, { ...base, dataset: 'flights' })
  const { spec } = (await listLiveViews(context.db.read, base))[0]!
  const update = (untilMs: number) =>
    materialize(context, { ...base, view: 'busy', definitionHash: spec.definitionHash, untilMs })
  await update(START_MS)
  let looks = 0
  for (let nowMs = START_MS; nowMs <= START_MS + 14 * MINUTE_MS; nowMs += STEP_MS) {
    context.clock.set(nowMs)
    if ((await enqueueDueMaterializations(context)) > 0) {
      looks += 1
      await update(nowMs)
    }
    const [rows] = await context.online.read([{ view: onlineView(PROJECT_ID, spec), entityKeys: [AIRPORT] }])
    for (const [index, windowMs] of Object.values(WINDOWS).entries()) {
      const agesMs = Array.from({ length: (patienceMs(windowMs) + STEP_MS) / 500 + 1 }, (_, at) => at * 500)
      const recent = agesMs.map((ageMs) => countAt(nowMs - ageMs, windowMs))
      expect(recent, `${windowMs} ms at ${new Date(nowMs).toISOString()}`).toContain(rows![0]!.values[index])
    }
  }
  // Every ten seconds at most.
  expect(looks).toBeGreaterThan(10)
  expect(looks).toBeLessThanOrEqual((14 * MINUTE_MS) / 10_000 + 1)
  rmSync(folder, { recursive: true })
}, 120_000)
