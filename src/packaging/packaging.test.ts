import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  mkdirSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { openGateway, tinyModel, type InferAnswer } from '../../test/gateways.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'
import { makeSnapshot, snapshotBytes } from '../project/snapshot.ts'
import { registerVersion } from '../registry/registry.ts'
import { deploy } from '../rollout/rollout.ts'
import { recoverSegment } from '../prediction-log/prediction-log.ts'
import { packageVersion } from './packaging.ts'
import { routes } from './routes.ts'
import { readTar, writeTar } from './tar.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
const folders: string[] = []
const children: ChildProcess[] = []

afterEach(async () => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-package-test-'))
  folders.push(folder)
  return folder
}

/** `hour` is computed from the date of the request; distance and carrier come with it. */
const service: FeatureServiceSpec = {
  name: 'late_v1',
  entities: [],
  views: [],
  onDemand: [
    {
      name: 'flight_time',
      module: 'features/flight-time.ts',
      export: 'flightTime',
      inputs: [{ name: 'date', kind: 'timestamp' }],
      outputs: [{ name: 'hour', kind: 'number' }],
      budgetMs: 1000,
    },
  ],
  features: [
    { name: 'hour', kind: 'number', from: 'on_demand', source: 'flight_time' },
    { name: 'distance', kind: 'number', from: 'request', source: 'request' },
    { name: 'carrier', kind: 'category', from: 'request', source: 'request' },
  ],
}

async function storeCode({ artifacts }: TestContext): Promise<string> {
  const folder = emptyFolder()
  mkdirSync(join(folder, 'features'))
  const write = (path: string, text: string): void => writeFileSync(join(folder, path), text)
  write('features/hours.ts', 'export const hourOf = (ms: number): number => new Date(ms).getUTCHours()\n')
  write(
    'features/flight-time.ts',
    "import { hourOf } from './hours.ts'\nexport const flightTime = ({ date }: { date: number }) => ({ hour: hourOf(date) })\n",
  )
  write('features/other.ts', 'export const secret = 1\n')
  const paths = ['features/hours.ts', 'features/flight-time.ts', 'features/other.ts']
  return (await artifacts.put(snapshotBytes(await makeSnapshot(folder, paths)))).sha256
}

async function register(context: TestContext, spec: FeatureServiceSpec = service) {
  return await registerVersion(context, {
    ...caller,
    model: 'late',
    source: 'test',
    task: 'binary',
    createModel: true,
    onnx: await context.artifacts.put(tinyModel()),
    codeSnapshot: await storeCode(context),
    featureService: { name: spec.name, spec: spec as unknown as Record<string, unknown> },
    signature: {
      task: 'binary',
      inputs: ['hour', 'distance', 'carrier'].map((name) => ({
        name,
        kind: name === 'carrier' ? ('category' as const) : ('number' as const),
        datatype: name === 'carrier' ? 'BYTES' : 'FP32',
        nullable: true,
      })),
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [-1] },
        { name: 'probabilities', datatype: 'FP32', shape: [-1, 2] },
      ],
    },
  })
}

/** Starts a bundle before its packages are installed. */
async function startBare(folder: string): Promise<string> {
  const child = spawn(process.execPath, ['serve.mjs'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child, 'close')
  return said
}

/** Starts a bundle as a user would, in its own folder and with nothing of this checkout but the packages it names. */
async function start(folder: string, options: string[], env: Record<string, string> = {}) {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  const installed = join(import.meta.dirname, '../../node_modules')
  for (const name of Object.keys(dependencies))
    symlinkSync(join(installed, name), join(folder, 'node_modules', name))
  const child = spawn(process.execPath, ['serve.mjs', '--port', '0', ...options], {
    cwd: folder,
    env: { PATH: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  while (!/served on http:\S+/.test(said) && child.exitCode === null)
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  return { url: /served on (http:\S+)/.exec(said)?.[1], said: () => said, child }
}

function hours(count: number): unknown {
  const data = Array.from({ length: count }, (_, i) => i)
  const input = (name: string, datatype: string, values: unknown[]) => ({
    name,
    datatype,
    shape: [count],
    data: values,
  })
  return {
    inputs: [
      input(
        'date',
        'BYTES',
        data.map((i) => new Date(Date.UTC(2001, 0, 1, i % 24)).toISOString()),
      ),
      input(
        'distance',
        'FP32',
        data.map((i) => (i * 71) % 900),
      ),
      input(
        'carrier',
        'BYTES',
        data.map((i) => ['AA', 'UA', 'XX'][i % 3]),
      ),
    ],
  }
}

describe('an archive', () => {
  it('holds files of any size and long paths, and is read in pieces', async () => {
    const contents = new Map<string, Buffer>([
      ['empty', Buffer.alloc(0)],
      ['exact', Buffer.alloc(512, 1)],
      [`${'deep/'.repeat(30)}file.txt`, Buffer.from('text')],
      ['more', Buffer.alloc(70_000, 7)],
    ])
    const entries = [...contents].map(([path, bytes]) => ({
      path,
      sizeBytes: bytes.length,
      content: [bytes],
    }))
    const whole = Buffer.concat(await Readable.from(writeTar(entries)).toArray())
    const pieces = Array.from({ length: Math.ceil(whole.length / 999) }, (_, i) =>
      whole.subarray(i * 999, (i + 1) * 999),
    )
    const folder = emptyFolder()
    expect(await readTar(Readable.from(pieces), folder)).toEqual([...contents.keys()])
    for (const [path, bytes] of contents) expect(readFileSync(join(folder, path)).equals(bytes)).toBe(true)
    await expect(readTar(Readable.from(pieces.slice(0, 3)), emptyFolder())).rejects.toThrow('ends too early')
    const escaping = writeTar([{ path: '../out', sizeBytes: 1, content: [Buffer.from('x')] }])
    await expect(readTar(escaping, emptyFolder())).rejects.toThrow('broken')
  })
})

describeDatabases('packaging', (open) => {
  async function bundle(context: TestContext, folder: string): Promise<string> {
    const app = createApp({
      context,
      routes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const response = await app.request('/api/v1/models/late/versions/1/package')
    expect(response.status).toBe(200)
    await readTar(response.body!, folder)
    return response.headers.get('tidemill-digest')!
  }

  it(
    'makes a folder that answers as the gateway does, to the bit, and logs',
    { timeout: 60_000 },
    async () => {
      const context = await open()
      await register(context)
      await deploy(context, { ...caller, deployment: 'flights', model: 'late', version: 1 })
      await using gateway = await openGateway(context)
      await gateway.serves(1)
      const folder = emptyFolder()
      const digest = await bundle(context, folder)
      expect(readdirSync(join(folder, 'features/features')).sort()).toEqual(['flight-time.ts', 'hours.ts'])
      const { url, said } = await start(folder, ['--verify', '--log', join(folder, 'log')])
      expect(said()).toContain(`SHA-256 of manifest.json: ${digest}`)
      const asked = hours(60)
      const path = '/v2/models/flights/infer'
      const wanted = await gateway.infer(path, asked)
      const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(asked) })
      const got = (await response.json()) as InferAnswer
      expect(got.outputs).toEqual(wanted.body.outputs)
      expect(got.parameters['decisions']).toEqual(wanted.body.parameters['decisions'])
      expect(got.parameters).not.toHaveProperty('logged')
      const metadata = await fetch(`${url}/v2/models/flights`)
      expect(await metadata.json()).toEqual(await (await fetch(`${gateway.url}/v2/models/flights`)).json())
      const invocation = {
        dataframe_records: [{ date: '2001-01-01T20:00:00Z', distance: 100, carrier: 'AA' }],
      }
      const invoked = await fetch(`${url}/invocations`, {
        headers: { 'content-type': 'application/json' },
        method: 'POST',
        body: JSON.stringify(invocation),
      })
      const same = await gateway.infer('/invocations', invocation)
      const predictionsOf = (body: unknown): unknown => (body as { predictions: unknown }).predictions
      expect(predictionsOf(await invoked.json())).toEqual(predictionsOf(same.body))
      const [segment] = readdirSync(join(folder, 'log'))
      expect(recoverSegment(join(folder, 'log', segment!))).toBeDefined()
    },
  )

  it(
    'gives the same bytes for the same version, and notices when one is changed',
    { timeout: 60_000 },
    async () => {
      const context = await open()
      await register(context)
      const [first, second] = [emptyFolder(), emptyFolder()]
      expect(await bundle(context, first)).toBe(await bundle(context, second))
      const manifest = JSON.parse(readFileSync(join(first, 'manifest.json'), 'utf8')) as {
        files: Record<string, string>
      }
      for (const path of [...Object.keys(manifest.files), 'manifest.json'])
        expect(readFileSync(join(first, path)).equals(readFileSync(join(second, path))), path).toBe(true)
      writeFileSync(join(first, 'signature.json'), '{}')
      rmSync(join(first, 'LICENSE'))
      const { url, said, child } = await start(first, ['--verify'])
      expect(url).toBeUndefined()
      expect(child.exitCode).toBe(1)
      expect(said()).toContain('not what was packaged: LICENSE is missing, signature.json was changed')
    },
  )

  it('wants a token beyond loopback, and of every call when there is one', { timeout: 60_000 }, async () => {
    const context = await open()
    await register(context)
    const folder = emptyFolder()
    await bundle(context, folder)
    expect(await startBare(folder)).toBe('error: its packages are missing: npm install --omit=dev\n')
    const refused = await start(folder, ['--host', '0.0.0.0'])
    expect(refused.said()).toContain('beyond loopback set TOKEN')
    rmSync(join(folder, 'node_modules'), { recursive: true })
    const { url } = await start(folder, [], { TOKEN: 'secret' })
    const ready = (headers: Record<string, string>) => fetch(`${url}/v2/models/late/ready`, { headers })
    expect((await ready({})).status).toBe(401)
    expect((await ready({ authorization: 'Bearer wrong' })).status).toBe(401)
    expect((await ready({ authorization: 'Bearer secret' })).status).toBe(200)
  })

  it('refuses a version whose features only an online store has', async () => {
    const context = await open()
    const view = {
      view: 'airport_delays',
      entity: 'airport',
      entityKey: 'origin',
      dataset: 'flights',
      sql: 'SELECT 1',
      eventTime: 'event_time',
      createdTimestamp: null,
      ttlMs: 1,
      lookbackMs: null,
      features: [{ name: 'distance', kind: 'number' as const }],
      definitionHash: 'a'.repeat(64),
    }
    await register(context, { ...service, entities: [{ name: 'airport', key: 'origin' }], views: [view] })
    const key = { ...caller, model: 'late', version: 1 }
    await expect(packageVersion(context, key)).rejects.toThrow(
      /late\/1 reads the feature view airport_delays online/,
    )
    await expect(packageVersion(context, { ...key, version: 9 })).rejects.toMatchObject({ code: 'not_found' })
  })
})
