import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { environmentName } from '../../src/kernel/config.ts'
import { childrenOf } from '../../test/crash/processes.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VENV = join(ROOT, '.venv/mlflow')
const PYTHON = join(VENV, 'bin/python')
const START_TIMEOUT_MS = 120_000

export type ServerName = 'tidemill' | 'mlflow'

/** Where a server keeps its things: a folder, and the address of a PostgreSQL database unless it is SQLite in the folder. */
export interface Store {
  folder: string
  postgresUrl: string | undefined
}

/** A tracking server in a process of its own. */
export interface TrackingServer extends AsyncDisposable {
  name: ServerName
  url: string
  /** From the start of the process to the first answer of /health. */
  startMs: number
  /** Resident memory, of the largest process when there are several. */
  residentMb(): number
}

export async function startServer(name: ServerName, store: Store): Promise<TrackingServer> {
  const port = await freePort()
  const { command, args, env } = name === 'tidemill' ? tidemill(store, port) : mlflow(store, port)
  const started = performance.now()
  // A group of its own, so that the processes that MLflow starts end with it.
  const child = spawn(command, args, {
    cwd: store.folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4000)
  })
  const url = `http://127.0.0.1:${port}`
  await health(child, url, () => log)
  return {
    name,
    url,
    startMs: performance.now() - started,
    residentMb: () => Math.max(...treeOf(child.pid!).map(residentMb)),
    [Symbol.asyncDispose]: () => end(child),
  }
}

function tidemill({ folder, postgresUrl }: Store, port: number) {
  const settings = {
    dataDir: folder,
    port: String(port),
    logLevel: 'error',
    databaseUrl: postgresUrl ?? 'sqlite',
  }
  const env = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [environmentName(key), value]),
  )
  const main = join(ROOT, 'src/main.ts')
  return {
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', main, 'server'],
    env,
  }
}

function mlflow(store: Store, port: number) {
  const artifacts = join(store.folder, 'artifacts')
  const args = ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1']
  return {
    command: join(VENV, 'bin/mlflow'),
    args: [...args, '--backend-store-uri', mlflowStoreUri(store), '--artifacts-destination', artifacts],
    env: {},
  }
}

export function mlflowFile(folder: string): string {
  return join(folder, 'mlflow.db')
}

function mlflowStoreUri({ folder, postgresUrl }: Store): string {
  return postgresUrl?.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:') ?? `sqlite:///${mlflowFile(folder)}`
}

/** Installs MLflow into a virtual environment of this checkout when there is none. */
export function ensureMlflow(): { python: string; version: string } {
  if (!existsSync(join(VENV, 'bin/mlflow'))) {
    mkdirSync(join(ROOT, '.venv'), { recursive: true })
    execFileSync('python3', ['-m', 'venv', VENV], { stdio: 'inherit' })
    execFileSync(PYTHON, ['-m', 'pip', 'install', '--quiet', 'mlflow', 'psycopg2-binary'], {
      stdio: 'inherit',
    })
  }
  const folder = readdirSync(join(VENV, 'lib')).find((entry) => entry.startsWith('python'))!
  const packages = readdirSync(join(VENV, 'lib', folder, 'site-packages'))
  const version = packages.map((entry) => /^mlflow-(.+)\.dist-info$/.exec(entry)?.[1]).find(Boolean)
  return { python: PYTHON, version: version ?? 'of unknown version' }
}

async function health(child: ChildProcess, url: string, log: () => string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}: ${log()}`)
    const healthy = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (healthy) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`No answer from ${url}/health: ${log()}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-child.pid!, 'SIGKILL')
  await ended
}

function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)]
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
