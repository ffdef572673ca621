import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { compileCache } from '../src/kernel/compile-cache.ts'
import { environmentName } from '../src/kernel/config.ts'
import { serverEnvironment, serverFlags } from '../src/supervisor/node-flags.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const START_TIMEOUT_MS = 120_000

export interface Command {
  command: string
  args: readonly string[]
  /** The folder it works in. */
  folder: string
  env: Readonly<Record<string, string>>
}

/** A server in a process of its own, that answers at /health. Disposing of it is `kill -9`, of what it has started too. */
export interface ServerProcess extends AsyncDisposable {
  url: string
  pid: number
  /** From the start of the process to the first answer. */
  startMs: number
}

/** `tidemill server` on a folder, and on a PostgreSQL database unless it is SQLite in the folder. */
export function tidemillServer(folder: string, postgresUrl: string | undefined, port: number): Command {
  const settings = {
    dataDir: folder,
    port: String(port),
    logLevel: 'error',
    databaseUrl: postgresUrl ?? 'sqlite',
  }
  const env = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [environmentName(key), value]),
  )
  return {
    command: process.execPath,
    args: [...serverFlags, MAIN, 'server'],
    folder,
    env: { ...serverEnvironment, ...env },
  }
}

/** Starts a server on a free port and waits for its health. Throws with the end of its log when it ends instead. */
export async function startServerProcess(commandFor: (port: number) => Command): Promise<ServerProcess> {
  const port = await freePort()
  const { command, args, folder, env } = commandFor(port)
  const started = performance.now()
  // A group of its own, so that the processes that it starts end with it.
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...compileCache, ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4000)
  })
  const url = `http://127.0.0.1:${port}`
  try {
    await health(child, url)
  } catch (error) {
    await killGroup(child)
    throw new Error(`${(error as Error).message}: ${log}`, { cause: error })
  }
  return {
    url,
    pid: child.pid!,
    startMs: performance.now() - started,
    [Symbol.asyncDispose]: () => killGroup(child),
  }
}

async function health(child: ChildProcess, url: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}`)
    const healthy = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (healthy) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`No answer from ${url}/health`)
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-child.pid!, 'SIGKILL')
  await ended
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
