import { fork, type ChildProcess } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Running } from '../http/api-client.ts'
import { compileCache } from '../kernel/compile-cache.ts'
import { environmentName, type Config } from '../kernel/config.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { monotonicMs } from '../kernel/clock.ts'
import type { Report } from './role.ts'
import { lockDataDir } from './lock.ts'
import { serverEnvironment, serverFlags } from './node-flags.ts'

export type RoleName = 'server' | 'worker' | 'gateway'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const READY_TIMEOUT_MS = 60_000
const FIRST_RESTART_MS = 100
const LONGEST_RESTART_MS = 10_000
/** A child that lived this long has recovered: its next restart is quick again. */
const STABLE_AFTER_MS = 20_000
const STOP_TIMEOUT_MS = 8_000

interface Role {
  name: RoleName
  child: ChildProcess
  url: string | undefined
  startedMs: number
  restarts: number
}

/**
 * Starts the three roles as child processes and restarts what dies. It holds no state of its own; its children
 * exit when it is gone, because their channel to it closes.
 */
export class Supervisor implements AsyncDisposable {
  readonly #config: Config
  readonly #lock: Disposable
  readonly #roles = new Map<RoleName, Role>()
  readonly #notice: (sentence: string) => void
  readonly #listeners = new Set<(name: RoleName) => void>()
  #stopping = false

  private constructor(config: Config, lock: Disposable, notice: (sentence: string) => void) {
    this.#config = config
    this.#lock = lock
    this.#notice = notice
  }

  /** `notice` hears of roles that ended and were started again, or could not be. */
  static async start(config: Config, notice: (sentence: string) => void = () => {}): Promise<Supervisor> {
    const supervisor = new Supervisor(config, lockDataDir(config.dataDir), notice)
    try {
      await supervisor.#launch('server', 0)
      await Promise.all([supervisor.#launch('worker', 0), supervisor.#launch('gateway', 0)])
    } catch (error) {
      await supervisor[Symbol.asyncDispose]()
      throw error
    }
    return supervisor
  }

  get running(): Running {
    return {
      serverUrl: this.#roles.get('server')?.url ?? '',
      gatewayUrl: this.#roles.get('gateway')?.url ?? '',
      pid: process.pid,
    }
  }

  pid(name: RoleName): number | undefined {
    return this.#roles.get(name)?.child.pid
  }

  /** Resolves when the role has been started again and is ready. */
  restarted(name: RoleName): Promise<void> {
    return new Promise((resolve) => {
      const listener = (restarted: RoleName): void => {
        if (restarted !== name) return
        this.#listeners.delete(listener)
        resolve()
      }
      this.#listeners.add(listener)
    })
  }

  async #launch(name: RoleName, restarts: number): Promise<void> {
    const child = fork(MAIN, [name], {
      execArgv: name === 'server' ? [...serverFlags] : ['--disable-warning=ExperimentalWarning'],
      env: this.#environment(name),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    // One that died while it started has had its port given out already.
    const url = this.#roles.get(name)?.url
    const role: Role = { name, child, url, startedMs: monotonicMs(), restarts }
    this.#roles.set(name, role)
    role.url = (await ready(role)).url
    child.once('exit', (code, signal) => {
      if (!this.#stopping)
        this.#notice(`The ${name} ended by ${signal ?? `exit code ${code}`}; it is started again.`)
      this.#restart(role)
    })
    this.#writeRunning()
    for (const listener of this.#listeners) listener(name)
  }

  #restart(role: Role): void {
    if (this.#stopping) return
    const lived = monotonicMs() - role.startedMs
    const restarts = lived > STABLE_AFTER_MS ? 0 : role.restarts + 1
    const delay = restarts <= 1 ? 0 : Math.min(FIRST_RESTART_MS * 2 ** restarts, LONGEST_RESTART_MS)
    setTimeout(() => {
      if (this.#stopping) return
      const startedMs = monotonicMs()
      this.#launch(role.name, restarts).catch((error: unknown) => {
        this.#notice(`The ${role.name} could not be started again: ${messageOf(error)}`)
        this.#restart({ ...role, startedMs, restarts })
      })
    }, delay)
  }

  /** A role that comes back keeps its port, so that its callers find it again. */
  #environment(name: RoleName): NodeJS.ProcessEnv {
    const settings = { ...this.#config, ...this.#knownPort(name) }
    const { [environmentName('oidcClientSecret')]: _, ...inherited } = process.env
    const own = Object.fromEntries(
      Object.entries(settings)
        // Workers run the code of projects.
        .filter(([key]) => key !== 'oidcClientSecret' || name === 'server')
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [environmentName(key), String(value)]),
    )
    return { ...compileCache, ...(name === 'server' && serverEnvironment), ...inherited, ...own }
  }

  #knownPort(name: RoleName): Partial<Config> {
    const { serverUrl, gatewayUrl } = this.running
    if (name === 'server' && serverUrl) return { port: Number(new URL(serverUrl).port) }
    if (!serverUrl) return {}
    const known = { port: Number(new URL(serverUrl).port) }
    return name === 'gateway' && gatewayUrl
      ? { ...known, gatewayPort: Number(new URL(gatewayUrl).port) }
      : known
  }

  #writeRunning(): void {
    const { serverUrl, gatewayUrl } = this.running
    if (!serverUrl || !gatewayUrl) return
    writeFileSync(join(this.#config.dataDir, 'running.json'), JSON.stringify(this.running))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    rmSync(join(this.#config.dataDir, 'running.json'), { force: true })
    await Promise.all([...this.#roles.values()].map((role) => stop(role.child)))
    this.#lock[Symbol.dispose]()
  }
}

/** Throws what the role says that it failed of. */
function ready({ name, child }: Role): Promise<{ url?: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: AppError): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(error)
    }
    const unavailable = (why: string): void =>
      fail(new AppError('unavailable', `The ${name} ${why}; see its log above`))
    const timer = setTimeout(
      () => unavailable(`did not start within ${READY_TIMEOUT_MS / 1000} seconds`),
      READY_TIMEOUT_MS,
    )
    const exited = (code: number | null, signal: NodeJS.Signals | null): void =>
      unavailable(`ended by ${signal ?? `exit code ${code}`} while it started`)
    child.once('exit', exited)
    child.once('message', (report: Report) => {
      child.off('exit', exited)
      if ('failed' in report) return fail(new AppError(report.failed.code, report.failed.message))
      clearTimeout(timer)
      resolve(report)
    })
  })
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    child.once('exit', () => {
      clearTimeout(kill)
      resolve()
    })
    child.kill('SIGTERM')
  })
}
