import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { declareDatasets, latestVersion } from '../src/data/data.ts'
import { ingest } from '../src/ingest/ingest.ts'
import { dataset } from '../src/data/definition.ts'
import { declareFeatures, listServedFeatures } from '../src/features/features.ts'
import { entity, featureView } from '../src/features/definition.ts'
import { listTokenAccess } from '../src/governance/governance.ts'
import { localOwner } from '../src/kernel/actor.ts'
import type { ServingOptions } from '../src/serving/serving-engine.ts'
import { startServer, type Server } from '../src/server/server.ts'
import { files, push } from '../src/sources/definition.ts'
import { startWorker } from '../src/worker/worker.ts'
import { openTestContext, PROJECT_ID, type TestContext } from './databases.ts'
import { openGateway, publish, type TestGateway } from './gateways.ts'
import { storeCode } from './served-features.ts'
import { projectNamed, userWithToken, withSignIn } from './people.ts'

const WEATHER = join(import.meta.dirname, '../node_modules/vega-datasets/data/seattle-weather.csv')

/** Real weather by day: as a table of one city. */
const city = entity('city', { key: 'city' })
const weather = dataset('weather', { source: files('seattle-weather.csv') })
const days = featureView('weather_days', {
  entity: city,
  dataset: weather,
  sql: `SELECT 'Seattle' AS city, CAST(date AS TIMESTAMP) AS event_time, temp_max, weather FROM dataset`,
  ttl: '100000d',
  features: { temp_max: 'number', weather: 'category' },
})

/** What arrives by itself: the same columns, but one of them personal. */
const observations = dataset('observations', {
  source: push({ columns: { city: 'VARCHAR', event_time: 'TIMESTAMP', temp_max: 'DOUBLE' } }),
  time: 'event_time',
  probeEvery: '500ms',
})
const observed = featureView('observed', {
  entity: city,
  dataset: observations,
  sql: 'SELECT city, event_time, temp_max FROM dataset',
  ttl: '100000d',
  features: { temp_max: 'number' },
})
const guests = dataset('guests', { source: push(), personal: { city: 'hash' } })
const visits = featureView('visits', {
  entity: city,
  dataset: guests,
  sql: 'SELECT city, event_time, nights FROM dataset',
  ttl: '10d',
  features: { nights: 'number' },
})

/** A row function: gateways compute its features from rows as the dataset has them. */
const reports = dataset('reports', {
  source: push({
    columns: { city: 'VARCHAR', event_time: 'TIMESTAMP', temp_max: 'DOUBLE', weather: 'VARCHAR' },
  }),
  time: 'event_time',
  probeEvery: '500ms',
})
const warmth = featureView('warmth', {
  entity: city,
  dataset: reports,
  row: {
    module: 'features/warmth.ts',
    export: 'warmth',
    inputs: { temp_max: 'number', weather: 'category', event_time: 'timestamp' },
  },
  ttl: '100000d',
  features: { fahrenheit: 'number', sky: 'category', noon: 'timestamp' },
})
const WARMTH = `interface Day { temp_max: number | null; weather: string | null; event_time: number }
export function warmth({ temp_max, weather, event_time }: Day) {
  if (weather === 'fog') throw new Error('nothing to see')
  return { fahrenheit: temp_max === null ? null : (temp_max * 9) / 5 + 32, sky: weather && weather.toUpperCase(), noon: event_time + 43_200_000 }
}
`

let context: TestContext
let stack: AsyncDisposableStack
let server: Server

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  context = stack.use(await openTestContext())
  context.clock.set(Date.UTC(2016, 0, 1))
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-weather-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  copyFileSync(WEATHER, join(folder, 'seattle-weather.csv'))
  const base = { projectId: PROJECT_ID, actor: localOwner }
  await declareDatasets(context, {
    ...base,
    directory: folder,
    datasets: [weather, observations, guests, reports],
  })
  await ingest(context, { ...base, dataset: 'weather' })
})
afterEach(() => stack.disposeAsync())

async function start(running: TestContext, options: ServingOptions = {}): Promise<TestGateway> {
  const definitions = {
    entities: [city],
    views: [days, observed, visits, warmth],
    onDemand: [],
    services: [],
  }
  const snapshot = await storeCode(running, { 'features/warmth.ts': WARMTH })
  await declareFeatures(running, { projectId: PROJECT_ID, actor: localOwner, definitions, snapshot })
  const features = (await listServedFeatures(running.db.read)).map((each) => ({
    ...each,
    project: 'default',
  }))
  await publish(running, [], { features, tokens: await listTokenAccess(running.db.read) })
  server = stack.use(await startServer(running))
  const config = { ...running.config, serverUrl: server.url }
  return stack.use(await openGateway({ ...running, config }, options))
}

async function post(
  { url }: Pick<TestGateway, 'url'>,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

const read = async (gateway: TestGateway): Promise<unknown> => {
  const features = ['weather_days:temp_max', 'weather_days:weather']
  const { body } = await post(gateway, '/get-online-features', { entities: { city: ['Seattle'] }, features })
  return (body as { results: { values: unknown[] }[] }).results.map(({ values }) => values[0])
}

it('Materializing is handed on to the server, and answered when a worker has done it', async () => {
  const gateway = await start(context)
  expect(await read(gateway)).toEqual(['Seattle', null, null])
  const span = { start_ts: '2012-01-01T00:00:00', end_ts: '2016-01-01T00:00:00' }
  expect(await post(gateway, '/materialize?async=true', span)).toEqual({
    status: 202,
    body: { status: 'accepted', feature_views: ['observed', 'visits', 'warmth', 'weather_days'] },
  })
  stack.use(await startWorker(context))
  expect(await post(gateway, '/materialize', span)).toEqual({ status: 200, body: null })
  expect(await read(gateway)).toEqual(['Seattle', 5.6, 'sun'])
  const until = { end_ts: '2016-01-01T00:00:00', feature_views: ['weather_days'] }
  expect(await post(gateway, '/materialize-incremental', until)).toEqual({ status: 200, body: null })
  expect(await post(gateway, '/p/default/materialize-incremental', until)).toEqual({
    status: 200,
    body: null,
  })
  const audited = await context.db.read
    .selectFrom('audit')
    .select('subject')
    .where('action', '=', 'features.request_materialize')
    .execute()
  expect(audited.filter(({ subject }) => subject === 'weather_days')).toHaveLength(4)
})

it('Materializing writes the rows of the asked span again, and incrementally only what is not online yet', async () => {
  const gateway = await start(context)
  stack.use(await startWorker(context))
  const feature_views = ['weather_days']
  const ask = async (path: string, span: Record<string, unknown>): Promise<unknown> => {
    expect(await post(gateway, path, { ...span, feature_views })).toEqual({ status: 200, body: null })
    return await read(gateway)
  }
  const end_ts = '2016-01-01'
  expect(await ask('/materialize', { start_ts: '2012-01-01', end_ts })).toEqual(['Seattle', 5.6, 'sun'])
  const spoil = async (): Promise<void> => {
    const df = { city: ['Seattle'], event_time: ['2015-12-31'], temp_max: [99], weather: ['hail'] }
    const body = { feature_view_name: 'weather_days', df }
    expect((await post(gateway, '/write-to-online-store', body)).status).toBe(200)
    expect(await read(gateway)).toEqual(['Seattle', 99, 'hail'])
  }
  await spoil()
  expect(await ask('/materialize-incremental', { end_ts })).toEqual(['Seattle', 99, 'hail'])
  expect(await ask('/materialize', { start_ts: '2015-12-31T00:00:01', end_ts })).toEqual([
    'Seattle',
    99,
    'hail',
  ])
  expect(await ask('/materialize', { start_ts: '2015-12-31', end_ts })).toEqual(['Seattle', 5.6, 'sun'])
  await spoil()
  expect(await ask('/materialize', { disable_event_timestamp: true })).toEqual(['Seattle', 5.6, 'sun'])
})

it('Whole numbers of 64 bits are keys as they are, pushed and read', async () => {
  const gateway = await start(context)
  const send = async (path: string, text: string): Promise<string> => {
    const response = await fetch(gateway.url + path, { method: 'POST', body: text })
    return `${response.status} ${await response.text()}`
  }
  const [key, next] = ['9007199254740993', '9007199254740992']
  const df = `{"city": [${key}], "event_time": ["2015-12-31"], "temp_max": [9007199254740993], "weather": ["fog"]}`
  expect(await send('/write-to-online-store', `{"feature_view_name": "weather_days", "df": ${df}}`)).toMatch(
    /^200/,
  )
  const answer = await send(
    '/get-online-features',
    `{"entities": {"city": [${key}, ${next}]}, "features": ["weather_days:weather"]}`,
  )
  expect(answer).toContain(`"values":[${key},${next}]`)
  expect(answer).toContain('"values":["fog",null],"statuses":["PRESENT","NOT_FOUND"]')
  const offline = `{"push_source_name": "observations", "to": "offline", "df": {"city": [${key}], "event_time": ["2015-12-31"], "temp_max": [1]}}`
  expect(await send('/push', offline)).toBe(
    `400 "Row 0: city is ${key}, which a JSON number does not hold: send such rows as Parquet, or the number as text"`,
  )
})

it('A wrong request to materialize is refused as Feast refuses, and enqueues nothing', async () => {
  const gateway = await start(context)
  const jobs = async (): Promise<number> =>
    (
      await context.db.read
        .selectFrom('job')
        .select('id')
        .where('kind', '=', 'features.materialize')
        .execute()
    ).length
  const before = await jobs()
  const span = { start_ts: '2012-01-01', end_ts: '2016-01-01' }
  const refused: [path: string, body: unknown, status: number, part: string][] = [
    ['/materialize', { ...span, feature_views: ['nope'] }, 404, 'FeatureViewNotFoundException'],
    ['/materialize', { ...span, feature_views: ['a\u0000b'] }, 400, 'U+0000'],
    ['/materialize', { start_ts: '2012-01-01' }, 400, 'end_ts must be an ISO 8601 time'],
    ['/materialize', { start_ts: '2017-01-01', end_ts: '2016-01-01' }, 400, 'start_ts must be before end_ts'],
    [
      '/materialize',
      { ...span, feature_views: ['weather_days'], version: 'v2' },
      400,
      'leave out version v2',
    ],
    ['/materialize', { ...span, feature_views: 'weather_days' }, 422, 'list_type'],
    ['/materialize-incremental', {}, 422, 'missing'],
    ['/materialize-incremental', { end_ts: 'soon' }, 400, 'end_ts must be an ISO 8601 time'],
    ['/p/nowhere/materialize', span, 404, 'nowhere'],
  ]
  for (const [path, body, status, part] of refused) {
    const answer = await post(gateway, path, body)
    expect(answer.status, JSON.stringify([path, body, answer])).toBe(status)
    expect(JSON.stringify(answer.body)).toContain(part)
  }
  expect(await jobs()).toBe(before)
})

it('While the server is away materializing is unavailable, and reading goes on', async () => {
  const gateway = await start(context)
  await server[Symbol.asyncDispose]()
  const span = { start_ts: '2012-01-01', end_ts: '2016-01-01' }
  const away = await post(gateway, '/materialize', span)
  expect(away).toEqual({ status: 503, body: expect.stringContaining('The server does not answer') as string })
  expect(await read(gateway)).toEqual(['Seattle', null, null])
})

it('Reading asks for the role of a viewer, pushing and materializing for that of a contributor', async () => {
  const guarded = withSignIn(context)
  const other = await projectNamed(guarded, 'other')
  await userWithToken(guarded, 'root', { '*': 'admin' })
  const viewer = await userWithToken(guarded, 'ana', { default: 'viewer' })
  const contributor = await userWithToken(guarded, 'ben', { default: 'contributor' })
  const stranger = await userWithToken(guarded, 'eve', { [other]: 'admin' })
  const gateway = await start(guarded)
  const calls: [path: string, body: unknown, viewer: number, contributor: number][] = [
    [
      '/get-online-features',
      { entities: { city: ['Seattle'] }, features: ['weather_days:weather'] },
      200,
      200,
    ],
    [
      '/write-to-online-store',
      {
        feature_view_name: 'weather_days',
        df: { city: ['Oslo'], event_timestamp: ['2015-12-31'], temp_max: [1], weather: ['snow'] },
      },
      403,
      200,
    ],
    ['/push', { push_source_name: 'weather', df: {} }, 403, 400],
    ['/materialize?async=1', { start_ts: '2012-01-01', end_ts: '2016-01-01' }, 403, 202],
    ['/materialize-incremental?async=1', { end_ts: '2016-01-01' }, 403, 202],
  ]
  for (const [path, body, forViewer, forContributor] of calls) {
    const as = async (token?: string): Promise<number> =>
      (await post(gateway, path, body, token === undefined ? {} : { authorization: `Bearer ${token}` }))
        .status
    const statuses = [
      await as(),
      await as(stranger.token),
      await as(viewer.token),
      await as(contributor.token),
    ]
    expect(statuses, path).toEqual([401, 404, forViewer, forContributor])
  }
  const denied = await post(
    gateway,
    '/push',
    { push_source_name: 'weather', df: {} },
    {
      authorization: `Bearer ${viewer.token}`,
    },
  )
  expect(denied.body).toContain('FeastPermissionError')
})

it('Rows pushed offline become rows of the dataset, exactly once by their key; online and offline, both', async () => {
  const gateway = await start(context)
  stack.use(await startWorker(context))
  const df = (day: string, temp: unknown) => ({
    city: ['Oslo'],
    event_time: [`${day}T12:00:00Z`],
    temp_max: [temp],
  })
  const send = async (day: string, temp: unknown, to: string, key?: string): Promise<Response> =>
    await fetch(`${gateway.url}/push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
      body: JSON.stringify({ push_source_name: 'observations', df: df(day, temp), to }),
    })
  const online = async (): Promise<unknown> => {
    const body = { entities: { city: ['Oslo'] }, features: ['observed:temp_max'] }
    const answer = await post(gateway, '/get-online-features', body)
    return (answer.body as { results: { values: unknown[] }[] }).results[1]!.values[0]
  }
  const first = await send('2015-12-29', 4.5, 'offline', 'k1')
  expect([first.status, await first.text()]).toEqual([200, ''])
  expect((await send('2015-12-29', 4.5, 'offline', 'k1')).status).toBe(200)
  expect((await send('2015-12-29', 9.9, 'offline', 'k1')).status).toBe(409)
  expect(await online()).toBe(null)
  const both = await send('2015-12-30', 5.5, 'online_and_offline', 'k2')
  expect([both.status, both.headers.get('tidemill-feature-views')]).toEqual([200, 'observed'])
  expect(await online()).toBe(5.5)

  // The first fits neither; the second would go online as 1, but a number is what the dataset has there.
  for (const temp of ['mild', true])
    expect((await send('2015-12-31', temp, 'online_and_offline')).status, String(temp)).toBe(400)
  expect(await online()).toBe(5.5)
  expect((await send('2015-12-31', 1, 'sideways')).status).toBe(400)
  const unknown = { push_source_name: 'nowhere', df: df('2015-12-31', 1), to: 'offline' }
  expect(await post(gateway, '/push', unknown)).toEqual({
    status: 422,
    body: expect.stringContaining('PushSourceNotFoundException') as string,
  })
  const files = { push_source_name: 'weather', df: df('2015-12-31', 1), to: 'offline' }
  expect(await post(gateway, '/push', files)).toMatchObject({
    status: 400,
    body: expect.stringContaining('its source is not push()') as string,
  })

  const rows = await until(async () => {
    const version = await latestVersion(context, { projectId: PROJECT_ID, dataset: 'observations' })
    return version?.rows === 2 ? version.rows : undefined
  })
  expect(rows).toBe(2)
})

it('The features of a row function are the same, computed from a pushed row by a gateway and from the dataset by a worker', async () => {
  const gateway = await start(context)
  stack.use(await startWorker(context))
  const real = readFileSync(WEATHER, 'utf8')
    .trim()
    .split('\n')
    .slice(-60)
    .map((line) => line.split(','))
  const frame = (name: string) => ({
    city: real.map(([day]) => `${name} ${day}`),
    event_time: real.map(([day]) => `${day}T06:30:00Z`),
    temp_max: real.map(([, , temp], row) => (row % 20 === 0 ? null : Number(temp))),
    weather: real.map((cells) => cells[5]),
  })
  const send = (name: string, to: string): Promise<Response> =>
    fetch(`${gateway.url}/push`, {
      method: 'POST',
      body: JSON.stringify({ push_source_name: 'reports', df: frame(name), to }),
    })
  const computed = async (name: string): Promise<unknown[]> => {
    const features = ['warmth:fahrenheit', 'warmth:sky', 'warmth:noon']
    const { body } = await post(gateway, '/get-online-features', {
      entities: { city: frame(name).city },
      features,
    })
    return (body as { results: unknown[] }).results.slice(1)
  }
  const online = await send('online', 'online')
  expect([online.status, online.headers.get('tidemill-feature-views')]).toEqual([200, 'warmth'])
  expect((await send('offline', 'offline')).status).toBe(200)
  const byGateway = await computed('online')
  const byWorker = await until(async () => {
    await post(gateway, '/materialize-incremental', { end_ts: '2016-01-01', feature_views: ['warmth'] })
    const found = await computed('offline')
    return JSON.stringify(found).includes('NOT_FOUND') ? undefined : found
  })
  expect(byWorker).toEqual(byGateway)
  expect(gateway.gateway.engine.stats.pushFailures).toBe(real.filter((cells) => cells[5] === 'fog').length)
  expect(new Set((byGateway[1] as { values: unknown[] }).values)).toEqual(new Set(['RAIN', 'SUN', null]))
})

it('A row that lacks what a function takes is refused, and so is one of another kind', async () => {
  const gateway = await start(context)
  const df = { city: ['Oslo'], event_time: ['2015-12-30'], temp_max: [1], weather: ['sun'] }
  const { weather: _, ...lacking } = df
  const refused: [df: object, part: string][] = [
    [lacking, 'warmth lacks fahrenheit, sky, noon, or to be computed weather'],
    [{ ...df, weather: [7] }, 'Row 0: weather must be a text'],
    [{ ...df, event_time: [1451433600] }, 'Row 0: event_time must be an ISO 8601 time'],
    [{ ...df, event_time: ['2016-01-02'] }, 'Row 0: event_time lies in the future'],
    [
      Object.fromEntries(Object.entries(df).map(([name, [value]]) => [name, Array(1001).fill(value)])),
      'at most 1000 fit',
    ],
  ]
  for (const [wrong, part] of refused) {
    const answer = await post(gateway, '/push', { push_source_name: 'reports', df: wrong })
    expect(answer).toEqual({ status: 400, body: expect.stringContaining(part) as string })
  }
})

it('While the server is away nothing goes online that should go offline too', async () => {
  const gateway = await start(context)
  await server[Symbol.asyncDispose]()
  const df = { city: ['Oslo'], event_time: ['2015-12-30'], temp_max: [5.5] }
  const ask = async (to: string): Promise<number> =>
    (
      await fetch(`${gateway.url}/push`, {
        method: 'POST',
        body: JSON.stringify({ push_source_name: 'observations', df, to }),
      })
    ).status
  expect([await ask('offline'), await ask('online_and_offline')]).toEqual([503, 503])
  const features = { entities: { city: ['Oslo'] }, features: ['observed:temp_max'] }
  const { body } = await post(gateway, '/get-online-features', features)
  expect((body as { results: { statuses: string[] }[] }).results[1]!.statuses).toEqual(['NOT_FOUND'])
  expect(await ask('online')).toBe(200)
})

it('A personal column that the dataset hashes does not come online as it is', async () => {
  const gateway = await start(context)
  const df = { city: ['Oslo'], event_time: ['2015-12-30'], nights: [2] }
  expect(await post(gateway, '/push', { push_source_name: 'guests', df })).toMatchObject({
    status: 400,
    body: 'visits has city, which guests does not store as they come: push such rows offline',
  })
})

async function until<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; tries < 1_000; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('It did not happen within 50 seconds')
}
