import { Option, type Command } from 'commander'
import {
  apiOf,
  inProject,
  listing,
  print,
  serverUrlOf,
  withServerOptions,
  type CommandOptions,
} from '../http/command.ts'
import { tokenFor } from '../http/stored-tokens.ts'
import { unknownName } from '../kernel/unknown-name.ts'
import { execute } from './exec.ts'

export function addTrackingCommands(program: Command): void {
  withServerOptions(program.command('runs').description('tracking runs, newest first'))
    .addOption(
      new Option('--experiment <experiment>', 'runs of one experiment, by its id or name; default: of all'),
    )
    .addOption(new Option('--limit <count>', 'how many').default('20'))
    .action(listRuns)
  withServerOptions(program.command('exec'))
    .description('run any command and record it as a tracking run: tidemill exec -- python train.py')
    .addOption(new Option('--experiment <name>', 'experiment of the run').default('exec'))
    .argument('<command...>', 'the command and its arguments')
    .passThroughOptions()
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
  const api = apiOf(options)
  const { items: experiments } = await api.get<{ items: { id: string; name: string }[] }>('/experiments')
  const { experiment: wanted } = options
  const chosen = experiments.filter(
    ({ id, name }) => wanted === undefined || id === wanted || name === wanted,
  )
  if (wanted !== undefined && chosen.length === 0) {
    const names = experiments.map(({ name }) => name)
    throw unknownName('experiment', wanted, names)
  }
  const experimentId = chosen.map(({ id }) => id).join(',')
  const query = new URLSearchParams({ limit: options.limit, experimentId })
  const { items } = await api.get<{ items: RunRow[] }>(`/runs?${query.toString()}`)
  print(options, items, () =>
    listing(
      ['run', 'name', 'status', 'started', 'metrics'],
      items.map((run) => [
        run.id,
        run.name,
        run.status,
        new Date(run.startMs).toISOString().slice(0, 19),
        run.metrics
          .slice(0, 4)
          .map(({ key, value }) => `${key}=${typeof value === 'number' ? value.toPrecision(4) : value}`)
          .join(' '),
      ]),
      'No runs yet: `tidemill exec -- python train.py` records one.',
    ),
  )
}

async function execCommand(
  command: string[],
  options: CommandOptions & { experiment: string },
): Promise<void> {
  const server = serverUrlOf(options)
  const output = options.json ? process.stderr : process.stdout
  const result = await execute({
    serverUrl: inProject(server, options.project),
    token: tokenFor(server, process.env),
    experiment: options.experiment,
    command,
    cwd: process.cwd(),
    output,
  })
  const { runId, artifacts, exitCode, problems } = result
  for (const problem of problems) process.stderr.write(`not recorded: ${problem}\n`)
  print(options, result, () => `Recorded as run ${runId} (${artifacts.join(', ')}); exit code ${exitCode}`)
  process.exitCode = exitCode
}
