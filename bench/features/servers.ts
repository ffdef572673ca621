import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { publish } from '../../test/gateways.ts'
import { startServerProcess, type ServerProcess } from '../../test/server-process.ts'
import { onlineView } from '../../src/features/schema.ts'
import { DEFAULT_PROJECT } from '../../src/governance/governance.ts'
import { openContext } from '../../src/http/open-context.ts'
import { configSchema, environmentName } from '../../src/kernel/config.ts'
import { FEATURES, rowsOf, views, VIEWS } from './values.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAIN = join(ROOT, 'src/main.ts')
const VENV = join(ROOT, '.venv/feast')
const PYTHON = join(VENV, 'bin/python')

/** Where the values of both servers are: a SQLite file of each one's own, or databases of one Redis. */
export interface Place {
  folder: string
  redisUrl: string | undefined
  entities: number
  eventMs: number
}

/** Fills an online store and starts a gateway on it, in a process of its own. */
export async function startGatewayProcess(place: Place): Promise<ServerProcess> {
  const { folder, redisUrl, entities, eventMs } = place
  const onlineUrl = redisUrl === undefined ? 'sqlite' : `${redisUrl}/0`
  const config = configSchema.parse({ dataDir: folder, logLevel: 'warn', onlineUrl })
  const context = await openContext(config, 'server')
  try {
    const project = { project: DEFAULT_PROJECT.name, projectId: DEFAULT_PROJECT.id }
    await publish(context, [], {
      features: [{ ...project, views, onDemand: [], services: [], codeSnapshot: null }],
    })
    for (const [index, view] of views.entries()) {
      await using claim = await context.online.claim(onlineView(project.projectId, view))
      await claim!.replace(rowsOf(index, entities, eventMs))
    }
  } finally {
    await context[Symbol.asyncDispose]()
  }
  const settings = (port: number) => ({
    dataDir: folder,
    gatewayPort: String(port),
    logLevel: 'warn',
    onlineUrl,
  })
  return await startServerProcess((port) => ({
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', MAIN, 'gateway'],
    folder,
    env: Object.fromEntries(
      Object.entries(settings(port)).map(([key, value]) => [environmentName(key), value]),
    ),
  }))
}

/** Fills the online store of a Feast repository and starts Feast's server on it, with one worker that is not ended after 1,000 requests. */
export async function startFeast(place: Place): Promise<ServerProcess> {
  const { folder, redisUrl, entities, eventMs } = place
  const store =
    redisUrl === undefined
      ? { type: 'sqlite', path: join(folder, 'online.db') }
      : { type: 'redis', connection_string: `${new URL(redisUrl).host},db=1` }
  const script = fileURLToPath(new URL('feast_repo.py', import.meta.url))
  const args = [folder, JSON.stringify(store), entities, VIEWS, FEATURES, eventMs].map(String)
  await promisify(execFile)(PYTHON, [script, ...args], { maxBuffer: 2 ** 26 })
  return await startServerProcess((port) => ({
    command: join(VENV, 'bin/feast'),
    args: [
      'serve',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--no-access-log',
      '--workers',
      '1',
      '--max-requests',
      '0',
    ],
    folder,
    env: { FEAST_USAGE: 'False' },
  }))
}

/** Installs Feast into a virtual environment of this checkout when there is none. Returns its version. */
export function ensureFeast(): string {
  if (!existsSync(join(VENV, 'bin/feast'))) {
    mkdirSync(join(ROOT, '.venv'), { recursive: true })
    execFileSync('python3', ['-m', 'venv', VENV], { stdio: 'inherit' })
    execFileSync(PYTHON, ['-m', 'pip', 'install', '--quiet', 'feast[redis]==0.67.0'], { stdio: 'inherit' })
  }
  const folder = readdirSync(join(VENV, 'lib')).find((entry) => entry.startsWith('python'))!
  const packages = readdirSync(join(VENV, 'lib', folder, 'site-packages'))
  const version = packages.map((entry) => /^feast-(.+)\.dist-info$/.exec(entry)?.[1]).find(Boolean)
  return version ?? 'of unknown version'
}
