import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReplayDriver } from '../../src/demo/driver.ts'
import type { Context } from '../../src/http/context.ts'
import { openContext } from '../../src/http/open-context.ts'
import { configSchema, type Config } from '../../src/kernel/config.ts'
import { applyFolder } from '../../src/project/commands.ts'
import { createRandom, type Random } from '../../src/statistics/random.ts'
import { Supervisor } from '../../src/supervisor/supervisor.ts'
import { until } from './checks.ts'
import { ASKED_MS, takeFlights, type Flight } from './flights.ts'
import { Killer } from './killer.ts'
import { writeCrashProject } from './project.ts'
import { Traffic } from './traffic.ts'

/** Everything runs: the processes under a supervisor, a deployed model, and what the test looks at them with. */
export class Stage implements AsyncDisposable {
  readonly folder: string
  readonly project: string
  readonly config: Config
  readonly supervisor: Supervisor
  readonly driver: ReplayDriver
  readonly killer: Killer
  readonly traffic: Traffic
  /** This test's own connection to the stores. */
  readonly context: Context
  readonly random: Random
  #stopped: Promise<void> | undefined

  private constructor(opened: {
    folder: string
    project: string
    supervisor: Supervisor
    context: Context
    flights: readonly Flight[]
    random: Random
  }) {
    const { serverUrl, gatewayUrl } = opened.supervisor.running
    this.folder = opened.folder
    this.project = opened.project
    this.config = opened.context.config
    this.supervisor = opened.supervisor
    this.context = opened.context
    this.random = opened.random
    this.driver = new ReplayDriver(serverUrl, gatewayUrl, 'landing')
    this.killer = new Killer(opened.supervisor, opened.random)
    this.traffic = new Traffic(gatewayUrl, opened.flights, opened.random)
  }

  static async open(seed: number): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-crash-'))
    const project = join(folder, 'project')
    writeCrashProject(project)
    const dataDir = join(folder, 'data')
    const config = configSchema.parse({ dataDir, replay: true, logLevel: 'silent', port: 0, gatewayPort: 0 })
    const supervisor = await Supervisor.start(config)
    const context = await openContext(config, 'crash test')
    const flights = await takeFlights(context.analytics, project)
    const random = createRandom(seed)
    return new Stage({ folder, project, supervisor, context, flights, random })
  }

  /** Ingests the feed, trains, and waits until the gateway answers with the first model. */
  async prepare(): Promise<void> {
    await this.driver.advance(ASKED_MS)
    await applyFolder(this.driver.api, this.project)
    await this.driver.api.post('/datasets/flights/ingest')
    await this.driver.settle()
    await this.driver.api.post('/pipelines/train-late/runs', { params: {} })
    await this.driver.settle()
    await until('the first model to be served', async () => {
      const { stable } = await this.driver.api.get<{ stable: { version: number } | null }>(
        '/deployments/late',
      )
      return stable ?? undefined
    })
  }

  /** Ends the processes; the folder stays when there is something to look into. */
  async close(keepFolder: boolean): Promise<void> {
    await this[Symbol.asyncDispose]()
    if (!keepFolder) rmSync(this.folder, { recursive: true, force: true })
  }

  /** Ends the supervisor and its processes, once. */
  async stop(): Promise<void> {
    this.#stopped ??= this.supervisor[Symbol.asyncDispose]()
    await this.#stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.context[Symbol.asyncDispose]()
  }
}
