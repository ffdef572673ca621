import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { openGateway } from '../../test/gateways.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { dataset } from '../data/definition.ts'
import { declareFeatures, listServedFeatures } from '../features/features.ts'
import { entity, featureService, featureView } from '../features/definition.ts'
import { materialize } from '../materialization/materialize.ts'
import { appendEvent, consume } from '../jobs/events.ts'
import { localOwner } from '../kernel/actor.ts'
import { consumers } from '../rollout/consumers.ts'
import { findDesiredState } from '../serving/serving.ts'
import { files } from '../sources/definition.ts'

const STOCKS = join(import.meta.dirname, '../../node_modules/vega-datasets/data/stocks.csv')
const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

/** Real prices by month: the newest before 15 January 2001 of each company. */
const expected = new Map(
  readFileSync(STOCKS, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.split(',') as [string, string, string])
    .filter(([, date]) => Date.parse(`${date} UTC`) <= Date.UTC(2001, 0, 15))
    .map(([symbol, , price]) => [symbol, Number(price)]),
)

const share = entity('share', { key: 'symbol' })
const stocks = dataset('stocks', { source: files('stocks.csv') })
const prices = featureView('prices', {
  entity: share,
  dataset: stocks,
  sql: `SELECT symbol, strptime(date, '%b %-d %Y') AS event_time, price,
          price - lag(price) OVER (PARTITION BY symbol ORDER BY strptime(date, '%b %-d %Y')) AS change FROM dataset`,
  ttl: '20d',
  features: { price: 'number', change: 'number' },
})
const definitions = {
  entities: [share],
  views: [prices],
  onDemand: [],
  services: [featureService('market', [prices])],
}

async function applied(context: TestContext): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-stocks-'))
  folders.push(folder)
  copyFileSync(STOCKS, join(folder, 'stocks.csv'))
  const base = { projectId: PROJECT_ID, actor: localOwner }
  await declareDatasets(context, { ...base, directory: folder, datasets: [stocks] })
  await declareFeatures(context, { ...base, definitions })
  await ingest(context, { ...base, dataset: 'stocks' })
  await bringUpToDate(context)
}

async function bringUpToDate(context: TestContext): Promise<void> {
  const [served] = await listServedFeatures(context.db.read)
  const { view, definitionHash } = served!.views[0]!
  await materialize(context, { projectId: PROJECT_ID, view, definitionHash, untilMs: context.clock.now() })
}

/** What happens when a project was applied. */
async function follow(context: TestContext): Promise<void> {
  await context.db.write((trx) =>
    appendEvent(trx, {
      projectId: PROJECT_ID,
      kind: 'project.applied',
      payload: { versionId: 'v' },
      atMs: 0,
    }),
  )
  const features = consumers.find(({ name }) => name === 'rollout.features')!
  while ((await consume(context, features)) > 0);
}

interface Answer {
  results: { values: unknown[]; statuses: string[]; event_timestamps: string[] }[]
  metadata: { feature_names: string[] }
}

async function post(url: string, path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function read(url: string, symbols: readonly string[]): Promise<Answer> {
  const body = { entities: { symbol: symbols }, feature_service: 'market' }
  const response = await post(url, '/get-online-features', body)
  expect(response.status).toBe(200)
  return (await response.json()) as Answer
}

describeDatabases('online features by the protocol of Feast', (open) => {
  it('gives the newest real price of each company, and goes on when the database is away', async () => {
    const context = await open()
    await applied(context)
    await follow(context)
    const symbols = [...expected.keys(), 'NOPE']
    const check = (answer: Answer): void => {
      expect(answer.metadata.feature_names).toEqual(['symbol', 'price', 'change'])
      expect(answer.results[1]!.values).toEqual(symbols.map((symbol) => expected.get(symbol) ?? null))
      expect(answer.results[1]!.statuses.at(-1)).toBe('NOT_FOUND')
      expect(answer.results[1]!.event_timestamps[0]).toBe('2001-01-01T00:00:00Z')
    }
    {
      await using gateway = await openGateway(context)
      check(await read(gateway.url, symbols))
    }
    const away = new Proxy(context.db, {
      get(db, name) {
        if (name === 'read' || name === 'write') throw new Error('The database is away')
        return db[name as keyof typeof db]
      },
    })
    await using alone = await openGateway({ ...context, db: away })
    check(await read(alone.url, symbols))
    const pushed = {
      symbol: ['MSFT'],
      event_time: ['2001-01-14T12:00:00Z'],
      price: [23],
      change: [0.5],
    }
    expect((await post(alone.url, '/push', { push_source_name: 'stocks', df: pushed })).status).toBe(200)
    expect((await read(alone.url, ['MSFT'])).results.map(({ values }) => values[0])).toEqual([
      'MSFT',
      23,
      0.5,
    ])
  })

  it('says when a price is older than the ttl, and what is pushed does not survive a newer row of the data', async () => {
    const context = await open()
    await applied(context)
    await follow(context)
    await using gateway = await openGateway(context)
    context.clock.set(Date.UTC(2001, 0, 25))
    const [, price] = (await read(gateway.url, ['IBM'])).results
    expect(price).toEqual({
      values: [null],
      statuses: ['OUTSIDE_MAX_AGE'],
      event_timestamps: ['2001-01-01T00:00:00Z'],
    })
    const pushed = { symbol: ['IBM'], event_time: ['2001-01-24'], price: [90], change: [null] }
    await post(gateway.url, '/push', { push_source_name: 'stocks', df: pushed, to: 'online' })
    expect((await read(gateway.url, ['IBM'])).results[1]!.values).toEqual([90])
    context.clock.set(Date.UTC(2001, 1, 2))
    await bringUpToDate(context)
    expect((await read(gateway.url, ['IBM'])).results[1]).toMatchObject({
      values: [89.98],
      event_timestamps: ['2001-02-01T00:00:00Z'],
    })
  })

  it('follows what projects declare: a generation when it changes, none when it does not', async () => {
    const context = await open()
    await applied(context)
    await follow(context)
    await using gateway = await openGateway(context)
    const generation = async (): Promise<number> => (await findDesiredState(context.db.read))!.generation
    const before = await generation()
    await follow(context)
    expect(await generation()).toBe(before)
    const renamed = { ...definitions, services: [featureService('shares', [prices])] }
    await declareFeatures(context, { projectId: PROJECT_ID, actor: localOwner, definitions: renamed })
    await follow(context)
    await gateway.serves(await generation())
    expect(await generation()).toBe(before + 1)
    const ask = async (service: string): Promise<number> =>
      (
        await post(gateway.url, '/get-online-features', {
          entities: { symbol: ['IBM'] },
          feature_service: service,
        })
      ).status
    expect([await ask('market'), await ask('shares')]).toEqual([404, 200])
  })

  it('answers as of the event time of a call, in a replay only', async () => {
    const context = await open()
    await applied(context)
    await follow(context)
    const ask = async (url: string): Promise<[number, unknown]> => {
      const response = await fetch(`${url}/get-online-features`, {
        method: 'POST',
        headers: { 'tidemill-event-time': String(Date.UTC(2000, 11, 31)) },
        body: JSON.stringify({ entities: { symbol: ['IBM'] }, features: ['prices:price'] }),
      })
      const body = (await response.json()) as Answer
      return [response.status, body.results?.[1]!.statuses]
    }
    {
      await using gateway = await openGateway(context)
      expect((await ask(gateway.url))[0]).toBe(400)
    }
    const replay = { ...context, config: { ...context.config, replay: true } }
    await using gateway = await openGateway(replay)
    expect(await ask(gateway.url)).toEqual([200, ['NOT_FOUND']])
  })
})
