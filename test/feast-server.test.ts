import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { declareDatasets, ingest } from '../src/data/data.ts'
import { dataset } from '../src/data/definition.ts'
import { declareFeatures, listServedFeatures } from '../src/features/features.ts'
import { entity, featureView } from '../src/features/definition.ts'
import { listTokenAccess } from '../src/governance/governance.ts'
import { localOwner } from '../src/kernel/actor.ts'
import type { ServingOptions } from '../src/serving/serving.ts'
import { startServer, type Server } from '../src/server/server.ts'
import { files } from '../src/sources/definition.ts'
import { startWorker } from '../src/worker/worker.ts'
import { openTestContext, PROJECT_ID, type TestContext } from './databases.ts'
import { openGateway, publish, type TestGateway } from './gateways.ts'
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
  await declareDatasets(context, { ...base, directory: folder, datasets: [weather] })
  await ingest(context, { ...base, dataset: 'weather' })
})
afterEach(() => stack.disposeAsync())

async function start(running: TestContext, options: ServingOptions = {}): Promise<TestGateway> {
  const definitions = { entities: [city], views: [days], onDemand: [], services: [] }
  await declareFeatures(running, { projectId: PROJECT_ID, actor: localOwner, definitions })
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
    body: { status: 'accepted', feature_views: ['weather_days'] },
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
  expect(audited.map(({ subject }) => subject)).toEqual(Array(4).fill('weather_days'))
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
    ['/materialize', { ...span, disable_event_timestamp: true }, 400, 'Rows keep their event times'],
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
