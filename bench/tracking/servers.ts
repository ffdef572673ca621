import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { childrenOf } from '../../test/crash/processes.ts'
import { startServerProcess, tidemillServer, type Command } from '../../test/server-process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VENV = join(ROOT, '.venv/mlflow')
const PYTHON = join(VENV, 'bin/python')

export type ServerName = 'tidemill' | 'mlflow'

/** Where a server keeps its things: a folder, and the address of a PostgreSQL database unless it is SQLite in the folder. */
export interface Store {
  folder: string
  postgresUrl: string | undefined
}

/** A tracking server in a process of its own. */
export interface TrackingServer extends AsyncDisposable {
  url: string
  startMs: number
  /** Resident memory, of the largest process when there are several. */
  residentMb(): number
}

export async function startServer(name: ServerName, store: Store): Promise<TrackingServer> {
  const server = await startServerProcess((port) =>
    name === 'tidemill' ? tidemillServer(store.folder, store.postgresUrl, port) : mlflowServer(store, port),
  )
  return { ...server, residentMb: () => Math.max(...treeOf(server.pid).map(residentMb)) }
}

function mlflowServer(store: Store, port: number): Command {
  const { folder, postgresUrl } = store
  const uri =
    postgresUrl?.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:') ?? `sqlite:///${mlflowFile(folder)}`
  const where = ['--backend-store-uri', uri, '--artifacts-destination', join(folder, 'artifacts')]
  return {
    command: join(VENV, 'bin/mlflow'),
    args: ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', ...where],
    folder,
    env: {},
  }
}

export function mlflowFile(folder: string): string {
  return join(folder, 'mlflow.db')
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

function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap((child) => treeOf(child))]
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
