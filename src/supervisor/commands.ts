import { Option, type Command } from 'commander'
import {
  apiOf,
  currentConfig,
  print,
  table,
  withServerOptions,
  type CommandOptions,
} from '../http/command.ts'
import { ApiClient, readRunning } from '../http/api-client.ts'
import type { Config } from '../kernel/config.ts'
import { collectSooner } from './node-flags.ts'
import { runRole } from './role.ts'

export function addProcessCommands(program: Command): void {
  program
    .command('up')
    .description(
      'start Tidemill here: server, worker and gateway, and keep the project of this folder applied; Ctrl-C stops it',
    )
    .addOption(new Option('--port <port>', 'port of the server'))
    .addOption(new Option('--gateway-port <port>', 'port of the gateway'))
    .addOption(new Option('--data-dir <folder>', 'folder of everything that Tidemill keeps'))
    .action(async (options: Partial<Record<'port' | 'gatewayPort' | 'dataDir', string>>) => up(options))
  for (const role of ['server', 'worker', 'gateway'] as const) {
    program
      .command(role)
      .description(`run the ${role} alone, for many machines`)
      .action(() => runRole(role, currentConfig(), ROLES[role]))
  }
  withServerOptions(program.command('status').description('what is going on, and what needs you')).action(
    status,
  )
}

/** Each loads what it needs when it starts, and no more: the supervisor itself needs next to nothing. */
const ROLES = {
  async server(config: Config) {
    const { startServer } = await import('../server/server.ts')
    const context = await openRole(config, 'server')
    const server = await startServer(context)
    collectSooner()
    return closing(server, context, server.url)
  },
  async worker(config: Config) {
    const { startWorker } = await import('../worker/worker.ts')
    const context = await openRole(config, 'worker')
    return closing(await startWorker(context), context)
  },
  async gateway(config: Config) {
    const { startGateway } = await import('../gateway/gateway.ts')
    const context = await openRole(config, 'gateway')
    const gateway = await startGateway(context, { host: config.host, port: config.gatewayPort })
    return closing(gateway, context, `http://${config.host}:${gateway.port}`)
  },
}

async function openRole(config: Config, role: string) {
  const { openContext } = await import('../http/open-context.ts')
  return await openContext(config, role)
}

function closing(role: AsyncDisposable, context: AsyncDisposable, url?: string) {
  return {
    ...(url !== undefined && { url }),
    async [Symbol.asyncDispose]() {
      await role[Symbol.asyncDispose]()
      await context[Symbol.asyncDispose]()
    },
  }
}

async function up(options: Partial<Record<'port' | 'gatewayPort' | 'dataDir', string>>): Promise<void> {
  const config = currentConfig(options)
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  const { Supervisor } = await import('./supervisor.ts')
  await using supervisor = await Supervisor.start(config, (sentence) => process.stderr.write(`${sentence}\n`))
  const { serverUrl, gatewayUrl } = supervisor.running
  process.stdout.write(`Tidemill runs.\n  web UI and API  ${serverUrl}\n  gateway         ${gatewayUrl}\n`)
  process.stdout.write(`  data            ${config.dataDir}\nCtrl-C stops it.\n`)
  const ended = new AbortController()
  const applying = keepProjectApplied(config, serverUrl, ended.signal)
  await stopped
  ended.abort()
  await applying
}

/** Where people must sign in, whoever starts Tidemill on this machine is the owner still. */
async function keepProjectApplied(config: Config, serverUrl: string, signal: AbortSignal): Promise<void> {
  const { keepApplied } = await import('../project/commands.ts')
  const { isSignInRequired } = await import('../http/caller.ts')
  if (!isSignInRequired(config)) return await keepApplied(new ApiClient(serverUrl), process.cwd(), signal)
  const { ownerApi } = await import('../governance/governance.ts')
  const { allRoutes } = await import('../server/server.ts')
  await using context = await openRole(config, 'command')
  await keepApplied(ownerApi(context, allRoutes()), process.cwd(), signal)
}

interface Overview {
  project: string
  nowMs: number
  stations: Record<string, { state: string; word: string; number: string; detail: string }>
  needsYou: { sentence: string }[]
  happened: { sentence: string; atMs: number }[]
}

async function status(options: CommandOptions): Promise<void> {
  const overview = await apiOf(options).get<Overview>('/overview')
  const running = readRunning(currentConfig().dataDir)
  print(options, { ...overview, running }, () => {
    const stations = Object.entries(overview.stations).map(([name, { state, word, number, detail }]) => [
      name,
      state,
      word,
      number,
      detail,
    ])
    const parts = [table(['station', 'state', '', '', ''], stations)]
    if (overview.needsYou.length > 0) {
      parts.push('', 'Needs you', ...overview.needsYou.map(({ sentence }) => `  ${sentence}`))
    }
    parts.push('', 'What happened', ...overview.happened.slice(0, 10).map(({ sentence }) => `  ${sentence}`))
    return parts.join('\n')
  })
}
