import { Option, type Command } from 'commander'
import { apiOf, listing, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { unknownName } from '../kernel/unknown-name.ts'

export function addTrackingCommands(program: Command): void {
  withServerOptions(program.command('runs').description('tracking runs, newest first'))
    .addOption(
      new Option('--experiment <experiment>', 'runs of one experiment, by its id or name; default: of all'),
    )
    .addOption(new Option('--limit <count>', 'how many').default('20'))
    .action(listRuns)
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
