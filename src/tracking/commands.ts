import { Option, type Command } from 'commander'
import {
  apiOf,
  currentConfig,
  print,
  table,
  withServerOptions,
  type CommandOptions,
} from '../http/command.ts'
import { readRunning } from '../http/api-client.ts'
import { execute } from './exec.ts'

export function addTrackingCommands(program: Command): void {
  withServerOptions(program.command('runs').description('tracking runs, newest first'))
    .addOption(new Option('--experiment <id>', 'runs of one experiment'))
    .addOption(new Option('--limit <count>', 'how many').default('20'))
    .action(listRuns)
  withServerOptions(program.command('exec'))
    .description('run any command and record it as a tracking run: tidemill exec -- python train.py')
    .addOption(new Option('--experiment <name>', 'experiment of the run').default('exec'))
    .argument('<command...>', 'the command and its arguments, after --')
    .action(execCommand)
}

interface RunRow {
  id: string
  name: string
  status: string
  startMs: number
  metrics: { key: string; value: number | string }[]
}

async function listRuns(options: CommandOptions & { experiment?: string; limit: string }): Promise<void> {
  const query = new URLSearchParams({ limit: options.limit })
  if (options.experiment) query.set('experimentId', options.experiment)
  const { items } = await apiOf(options).get<{ items: RunRow[] }>(`/runs?${query.toString()}`)
  print(options, items, () =>
    table(
      ['run', 'name', 'status', 'started', 'metrics'],
      items.map((run) => [
        run.id.slice(0, 8),
        run.name,
        run.status,
        new Date(run.startMs).toISOString().slice(0, 19),
        run.metrics
          .slice(0, 4)
          .map(({ key, value }) => `${key}=${typeof value === 'number' ? value.toPrecision(4) : value}`)
          .join(' '),
      ]),
    ),
  )
}

async function execCommand(
  command: string[],
  options: CommandOptions & { experiment: string },
): Promise<void> {
  const config = currentConfig()
  const root =
    options.server ?? readRunning(config.dataDir)?.serverUrl ?? `http://${config.host}:${config.port}`
  const serverUrl =
    options.project && options.project !== 'default'
      ? `${root}/p/${encodeURIComponent(options.project)}`
      : root
  const result = await execute({ serverUrl, experiment: options.experiment, command, cwd: process.cwd() })
  print(
    options,
    result,
    () => `Recorded as run ${result.runId} (${result.artifacts.join(', ')}); exit code ${result.exitCode}`,
  )
  process.exitCode = result.exitCode
}
