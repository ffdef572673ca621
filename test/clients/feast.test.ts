import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { latestVersion } from '../../src/data/data.ts'
import { listTokenAccess } from '../../src/governance/governance.ts'
import { startServer, type Server } from '../../src/server/server.ts'
import { findDesiredState } from '../../src/serving/serving.ts'
import { startWorker } from '../../src/worker/worker.ts'
import { openTestContext, PROJECT_ID, type TestContext } from '../databases.ts'
import { openGateway, publish, type TestGateway } from '../gateways.ts'
import { userWithToken, withSignIn } from '../people.ts'
import { ensureEnvironment } from './environments.ts'
import { casesOf } from './feast/cases.ts'
import { comparable, RULES, translated, type Answer, type Rule } from './feast/compare.ts'
import { makeProject, NOW, NOW_MS } from './feast/project.ts'
import { startFeast } from './feast/servers.ts'

const run = promisify(execFile)
const scripts = join(import.meta.dirname, 'feast')
const folder = mkdtempSync(join(tmpdir(), 'tidemill-feast-'))
let python: string
let context: TestContext
let server: Server
let worker: AsyncDisposable
let gateway: TestGateway

beforeAll(async () => {
  python = await ensureEnvironment('feast', join(scripts, 'requirements.txt'))
  context = await openTestContext()
  await makeProject(context, folder)
  server = await startServer(context)
  worker = await startWorker(context)
  gateway = await openGateway({ ...context, config: { ...context.config, serverUrl: server.url } })
}, 1_200_000)

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
  await context?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** A Feast repository in a folder of its own, with the rows of the views. */
function repository(name: string, onlineStore: string, auth = '{type: no_auth}'): string {
  const path = join(folder, name)
  mkdirSync(path)
  for (const file of ['definitions.py', 'prepare.py', 'client.py', 'signed.py'])
    copyFileSync(join(scripts, file), join(path, file))
  for (const view of ['airport_delays', 'prices', 'pairs', 'quoted'])
    copyFileSync(join(folder, `${view}.parquet`), join(path, `${view}.parquet`))
  writeFileSync(
    join(path, 'feature_store.yaml'),
    `project: default\nprovider: local\nregistry: registry.db\nonline_store: ${onlineStore}\noffline_store: {type: file}\nauth: ${auth}\nentity_key_serialization_version: 3\n`,
  )
  return path
}

async function runScript(path: string, script: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(python, ['-W', 'ignore', script, ...args], {
    cwd: path,
    env: { ...process.env, HOME: folder, FEAST_USAGE: 'False' },
    maxBuffer: 16 * 1024 ** 2,
    timeout: 300_000,
  })
  return stdout.trim().split('\n').at(-1)!
}

async function ask(
  url: string,
  { path = '/get-online-features', body }: { path?: string; body: unknown },
): Promise<Answer> {
  const response = await fetch(url + path, {
    method: 'POST',
    // Feast's server closes a connection on which it has failed.
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body).replace(/"#(-?[\d.]+)"/g, '$1'),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? '' : (JSON.parse(text) as unknown) }
}

async function quotesOf(rows: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const version = await latestVersion(context, { projectId: PROJECT_ID, dataset: 'quotes' })
    if (version?.rows === rows) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`What was pushed offline is in no version of ${rows} rows`)
}

it('Every request of the replay is answered as Feast’s own server answers it, but for the listed differences', async () => {
  const path = repository('server', '{type: sqlite, path: online.db}')
  expect(await runScript(path, 'prepare.py', NOW)).toBe('ok')
  await using feast = await startFeast(python, path)
  await using session = await context.analytics.session()
  const rows = await session.query(
    `SELECT DISTINCT origin FROM read_parquet('${folder}/airport_delays.parquet') ORDER BY origin`,
  )
  const airports = rows.map(({ origin }) => origin as string)
  expect(airports.length).toBeGreaterThan(150)
  const ids = await session.query(
    `SELECT DISTINCT CAST(pair_id AS VARCHAR) AS id FROM read_parquet('${folder}/pairs.parquet') ORDER BY id LIMIT 1000`,
  )
  const used = new Set<Rule>()
  for (const one of casesOf({ airports, pairs: ids.map(({ id }) => `#${id as string}`) })) {
    if (one.afterRows !== undefined) await quotesOf(one.afterRows)
    const theirs = translated(comparable(await ask(feast.url, one)), { nowMs: NOW_MS, used })
    const ours = comparable(await ask(gateway.url, one))
    if (one.difference === undefined) expect(ours, one.name).toEqual(theirs)
    else expect(ours, `${one.name} does not differ: ${one.difference}`).not.toEqual(theirs)
  }
  expect([...used].sort()).toEqual([...RULES].sort())
  const unused = { method: 'OPTIONS', headers: { origin: 'http://page.example', connection: 'close' } }
  for (const call of [{ method: 'GET' }, { method: 'PUT', body: '{}' }, unused]) {
    const [theirs, ours] = await Promise.all(
      [feast.url, gateway.url].map((url) => fetch(`${url}/get-online-features`, call)),
    )
    expect([ours!.status, ours!.headers.get('allow'), await ours!.json()]).toEqual([
      theirs!.status,
      theirs!.headers.get('allow'),
      await theirs!.json(),
    ])
    expect(ours!.headers.get('access-control-allow-origin')).toBe(null)
  }
  // What was pushed offline twice without a key is twice in both.
  const [offline] = await session.query(`SELECT count(*) AS rows FROM read_parquet('${path}/quoted.parquet')`)
  expect(Number(offline!['rows'])).toBe(5)
})

it('Feast’s own client reads from the gateway as from its remote online store, pushes to it, and raises its own errors', async () => {
  const path = repository('client', `{type: remote, path: '${gateway.url}'}`)
  expect(await runScript(path, 'prepare.py')).toBe('ok')
  const seen = JSON.parse(await runScript(path, 'client.py')) as Record<string, Record<string, unknown[]>>
  const direct = async (body: unknown): Promise<Record<string, unknown[]>> => {
    const { columns } = comparable(await ask(gateway.url, { body }))
    return Object.fromEntries(Object.entries(columns!).map(([name, { values }]) => [name, values]))
  }
  expect(seen['features']).toEqual(
    await direct({
      entities: { origin: ['ATL', 'ORD', 'NOPE'] },
      features: ['airport_delays:mean_delay_3h', 'airport_delays:last_departure'],
    }),
  )
  expect(seen['features']!['mean_delay_3h']!.slice(0, 2).every((value) => typeof value === 'number')).toBe(
    true,
  )
  expect(seen['service']).toEqual(
    await direct({ entities: { origin: ['ATL'], symbol: ['IBM'] }, feature_service: 'both' }),
  )
  expect(Object.keys(seen['full']!)).toEqual(['symbol', 'prices__price'])
  expect(seen['routed']).toMatchObject({ origin: ['ATL'], far: [1] })
  expect(seen['refused']).toEqual([
    'There is no feature view only_here',
    'There is no feature service only_here',
    expect.stringContaining('Several features are named flights_3h'),
  ])
  // Its materialization is a request to the gateway, which hands it on to the server, and waits for the worker.
  const materialized = async (): Promise<number> =>
    (
      await context.db.read
        .selectFrom('job')
        .select('id')
        .where('kind', '=', 'features.materialize')
        .where('state', '=', 'done')
        .execute()
    ).length
  const before = await materialized()
  expect(await runScript(path, 'prepare.py', NOW)).toBe('ok')
  expect((await materialized()) - before).toBe(4)
  expect(seen['pushed']).toEqual({ symbol: ['AAPL'], price: [16.5], trend: ['up'] })
  expect(seen['late']).toEqual(seen['pushed'])
})

it('Feast’s own client sends an API token, and learns what its role does not allow', async () => {
  const guarded = withSignIn(context)
  await userWithToken(guarded, 'root', { '*': 'admin' })
  const { token } = await userWithToken(guarded, 'ana', { default: 'viewer' })
  const { features = [] } = (await findDesiredState(context.db.read))!
  await publish(context, [], { features, tokens: await listTokenAccess(context.db.read) })
  const config = { ...guarded.config, gatewayId: 'guarded' }
  await using closed = await openGateway({ ...guarded, config })
  const path = repository(
    'signed',
    `{type: remote, path: '${closed.url}'}`,
    `{type: oidc, token: '${token}'}`,
  )
  expect(await runScript(path, 'prepare.py')).toBe('ok')
  expect(await runScript(path, 'signed.py')).toMatch(/^[\d.]+ refused$/)
})
