import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { describeOnlineStores } from '../../test/online-stores.ts'
import { workOff } from '../../test/work-off.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { dataset } from '../data/definition.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { OnlineStore } from '../ports/online/online.ts'
import { files } from '../sources/definition.ts'
import { entity, featureView } from '../features/definition.ts'
import { declareFeatures, listLiveViews } from '../features/features.ts'
import { enqueueLostViews } from './due.ts'
import { listFreshness } from './freshness.ts'
import { materialize } from './materialize.ts'
import { materializationJobs } from './jobs.ts'
import { routes } from './routes.ts'
import { onlineView, type ViewSpec } from '../features/schema.ts'

/** Prices of five shares at the first of each month, 2000 to 2010. */
const STOCKS = readFileSync('node_modules/vega-datasets/data/stocks.csv', 'utf8')
const LATEST = Date.UTC(2010, 2, 1)
const base = { projectId: PROJECT_ID, actor: localOwner }

const share = entity('share', { key: 'symbol' })
const stocks = dataset('stocks', { source: files('*.csv') })
const prices = featureView('prices', {
  entity: share,
  dataset: stocks,
  sql: `SELECT symbol, day AS event_time, price, max(price) OVER (PARTITION BY symbol ORDER BY day) AS highest
    FROM (SELECT *, strptime(date, '%b %-d %Y') AS day FROM dataset)`,
  ttl: '40d',
  features: { price: 'number', highest: 'number' },
})

describeOnlineStores('materialisation of share prices', (_, place) => {
  let context: TestContext
  let folder: string
  let view: ViewSpec
  beforeEach(async () => {
    context = await openTestContext('sqlite', place().onlineUrl)
    context.clock.set(LATEST)
    folder = mkdtempSync(join(tmpdir(), 'tidemill-stocks-'))
    writeFileSync(join(folder, 'stocks.csv'), STOCKS)
    await declareDatasets(context, { ...base, directory: folder, datasets: [stocks] })
    const definitions = { entities: [share], views: [prices], onDemand: [], services: [] }
    await declareFeatures(context, { ...base, definitions })
    await ingest(context, { ...base, dataset: 'stocks' })
    view = (await listLiveViews(context.db.read, base))[0]!.spec
    await context.online.drop(onlineView(PROJECT_ID, view))
  })
  afterEach(async () => {
    await context[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })
  const read = async (online: OnlineStore, symbol: string): Promise<unknown> => {
    const [rows] = await online.read([{ view: onlineView(PROJECT_ID, view), entityKeys: [symbol] }])
    return rows![0]?.values
  }
  const work = (): Promise<void> => workOff(context, { consumers: [], jobs: materializationJobs })
  const ask = async (path: string): Promise<unknown> => {
    const app = createApp({
      context,
      routes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    return await (await app.request(`/api/v1${path}`, { method: 'POST' })).json()
  }

  it('is computed anew from the dataset when that is asked, whatever the store has', async () => {
    await work()
    expect(await read(context.online, 'AAPL')).toEqual([223.02, 223.02])
    const wrong = [{ entityKey: 'AAPL', values: [1, 1], eventMs: LATEST, createdMs: LATEST }]
    await using claim = await context.online.claim(onlineView(PROJECT_ID, view))
    await claim!.write([...wrong, { ...wrong[0]!, entityKey: 'NONE', eventMs: LATEST + 1 }])
    await claim![Symbol.asyncDispose]()
    await ask('/features/views/prices/materialize')
    await work()
    expect(await read(context.online, 'AAPL')).toEqual([1, 1])
    expect(await ask('/features/views/prices/rebuild')).toEqual({ jobIds: [expect.any(String)] })
    await work()
    expect(await read(context.online, 'AAPL')).toEqual([223.02, 223.02])
    expect(await read(context.online, 'NONE')).toBeUndefined()
    expect((await listFreshness(context, base))[0]).toMatchObject({
      keys: 5,
      newestEventMs: LATEST,
      staleKeys: 0,
    })
    const actions = await context.db.read.selectFrom('audit').select('action').orderBy('id', 'desc').execute()
    expect(actions[0]).toEqual({ action: 'features.request_rebuild' })
  })

  it('fills a store that has lost its data, once it is asked and not twice', async () => {
    await work()
    expect(await enqueueLostViews(context)).toBe(0)
    await context.online.drop(onlineView(PROJECT_ID, view))
    expect(await read(context.online, 'IBM')).toBeUndefined()
    expect(await enqueueLostViews(context)).toBe(1)
    expect(await enqueueLostViews(context)).toBe(0)
    await work()
    expect(await read(context.online, 'IBM')).toEqual([125.55, 130.32])
    expect(await enqueueLostViews(context)).toBe(0)
  })

  it('waits for another process that is at it, and then finds nothing left to do', async () => {
    await work()
    const claim = await context.online.claim(onlineView(PROJECT_ID, view))
    await ask('/features/views/prices/materialize')
    const done = work()
    expect(
      await Promise.race([done.then(() => 'done'), new Promise((end) => setTimeout(end, 300, 'waits'))]),
    ).toBe('waits')
    await claim![Symbol.asyncDispose]()
    await done
    const jobs = await context.db.read.selectFrom('job').select('state').execute()
    expect(jobs.map(({ state }) => state)).toEqual(['done', 'done'])
  })
})

const FLIGHTS = 'node_modules/vega-datasets/data/flights-3m.parquet'
const FIRST_MS = Date.UTC(2001, 0, 1)

const airport = entity('airport', { key: 'origin' })
const flights = dataset('flights', { source: files('*.parquet'), time: 'date' })
const departures = featureView('departures', {
  entity: airport,
  dataset: flights,
  sql: `SELECT origin, date AS event_time, max(delay) OVER day AS worst, count(*) OVER day AS flights, destination FROM dataset
    WINDOW day AS (PARTITION BY origin ORDER BY date RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW)`,
  ttl: '7d',
  lookback: '25h',
  features: { worst: 'number', flights: 'number', destination: 'category' },
})

describeOnlineStores('materialisation of real flights, day by day', (_, place) => {
  it('has for each airport what a query over all its flights says', async () => {
    await using context = await openTestContext('sqlite', place().onlineUrl)
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-flights-'))
    await declareDatasets(context, { ...base, directory: folder, datasets: [flights] })
    const definitions = { entities: [airport], views: [departures], onDemand: [], services: [] }
    await declareFeatures(context, { ...base, definitions })
    const { spec } = (await listLiveViews(context.db.read, base))[0]!
    for (let day = 1; day <= 3; day++) {
      const untilMs = FIRST_MS + day * DAY_MS
      const between = `date >= epoch_ms(${untilMs - DAY_MS}) AND date < epoch_ms(${untilMs})`
      await context.analytics.execute(
        `COPY (SELECT * FROM '${FLIGHTS}' WHERE ${between}) TO '${join(folder, `${day}.parquet`)}'`,
      )
      await ingest(context, { ...base, dataset: 'flights' })
      const { definitionHash } = spec
      const done = await materialize(context, { ...base, view: 'departures', definitionHash, untilMs })
      expect(done.complete).toBe(day === 1)
      const expected = await context.analytics.query(`
        SELECT origin, max(date) AS last,
          (SELECT max(delay) FROM '${FLIGHTS}' AS of WHERE of.origin = f.origin AND of.date BETWEEN max(f.date) - INTERVAL 1 DAY AND max(f.date)) AS worst
        FROM '${FLIGHTS}' AS f WHERE date < epoch_ms(${untilMs}) GROUP BY origin`)
      const entityKeys = expected.map((row) => row['origin'] as string)
      const [rows] = await context.online.read([{ view: onlineView(PROJECT_ID, spec), entityKeys }])
      expect(rows!.map((row) => [row!.eventMs, row!.values[0]])).toEqual(
        expected.map((row) => [row['last'], row['worst']]),
      )
      expect(await context.online.stats(onlineView(PROJECT_ID, spec), 0)).toMatchObject({
        keys: expected.length,
      })
    }
    rmSync(folder, { recursive: true })
  })
})
