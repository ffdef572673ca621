import { extname } from 'node:path'
import { Option, type Command } from 'commander'
import {
  absolute,
  apiOf,
  listing,
  print,
  table,
  withServerOptions,
  type CommandOptions,
} from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { benchmarkTasks, type Benchmark, type BenchmarkDetail, type Submission } from './schema.ts'

export function addBenchmarkCommands(program: Command): void {
  const benchmarks = withServerOptions(
    program.command('benchmarks').description('benchmarks on locked holdouts, or the leaderboard of one'),
  )
    .argument('[name]', 'name of a benchmark')
    .action(showBenchmarks)
  withServerOptions(
    benchmarks.command('create').description('make a benchmark; a worker prepares its holdout'),
  )
    .argument('<name>', 'name of the benchmark')
    .argument('<holdout>', 'a Parquet file, or a dataset version as flights@2')
    .requiredOption('--label <column>', 'column that is predicted')
    .addOption(new Option('--task <task>', 'what is predicted').choices(benchmarkTasks).makeOptionMandatory())
    .requiredOption('--metric <metric>', 'such as auc, log_loss, accuracy, macro_f1, rmse, mae')
    .addOption(new Option('--id <column>', 'column that names a row, for files of predictions'))
    .addOption(new Option('--time <column>', 'column whose days count as independent'))
    .addOption(new Option('--classes <list>', 'classes of a multiclass task in order, with commas'))
    .addOption(new Option('--exclude <list>', 'columns that no model may have, with commas'))
    .addOption(
      new Option('--open-features', 'give the rows without their label to those who see the benchmark'),
    )
    .addOption(new Option('--daily-limit <count>', 'submissions of one participant in a day').default('5'))
    .addOption(new Option('--description <text>', 'what it is about').default(''))
    .action(create)
  withServerOptions(
    benchmarks.command('submit').description('have a model version, or a file of predictions, measured'),
  )
    .argument('<name>', 'name of the benchmark')
    .argument('<what>', 'a model version as late/3, or a Parquet or CSV file of predictions')
    .addOption(new Option('--label <text>', 'how the predictions are called on the leaderboard'))
    .addOption(new Option('--team <team>', 'the team that the submission is for'))
    .action(submit)
  for (const [verb, state, words] of [
    ['open', 'open', 'take submissions again'],
    ['close', 'closed', 'take no more submissions'],
  ] as const)
    withServerOptions(benchmarks.command(verb).description(words))
      .argument('<name>', 'name of the benchmark')
      .action(async (name: string, options: CommandOptions) => {
        const found = await apiOf(options).request<Benchmark>(
          'PATCH',
          `/benchmarks/${encodeURIComponent(name)}`,
          {
            state,
          },
        )
        print(options, found, () => `${name} is ${found.state}.`)
      })
}

async function showBenchmarks(name: string | undefined, options: CommandOptions): Promise<void> {
  const api = apiOf(options)
  if (name === undefined) {
    const { items } = await api.get<{ items: Benchmark[] }>('/benchmarks')
    const rows = items.map(({ name, definition, state, holdout, participants, evaluated }) => [
      name,
      `${definition.task}, ${definition.metric}`,
      state,
      String(holdout?.rows ?? ''),
      String(participants),
      String(evaluated),
    ])
    return print(options, items, () =>
      listing(
        ['benchmark', 'measures', 'state', 'rows', 'participants', 'evaluated'],
        rows,
        'No benchmarks yet: `tidemill benchmarks create <name> <holdout>` makes one.',
      ),
    )
  }
  const found = await api.get<BenchmarkDetail>(`/benchmarks/${encodeURIComponent(name)}`)
  print(options, found, () => leaderboard(found))
}

function leaderboard({
  name,
  definition,
  state,
  error,
  digest,
  higherIsBetter,
  standings,
}: BenchmarkDetail): string {
  const head = `${name}: ${definition.metric}, ${higherIsBetter ? 'more' : 'less'} is better · ${state}${error === null ? '' : `: ${error}`}`
  const holdout = digest === null ? '' : ` · holdout ${digest.slice(0, 12)}`
  if (standings.length === 0)
    return `${head}${holdout}\nNobody has submitted yet: tidemill benchmarks submit ${name} <model>/<version>`
  const rows = standings.map(({ rank, name, label, score, behind, submissions, atMs }) => [
    rank.from === rank.to ? String(rank.from) : `${rank.from}–${rank.to}`,
    name,
    label,
    `${score.estimate} [${score.lower}, ${score.upper}]`,
    behind === null ? 'leads' : `${behind.difference} [${behind.lower}, ${behind.upper}]`,
    String(submissions),
    new Date(atMs).toISOString().slice(0, 10),
  ])
  return `${head}${holdout}\n${table(['rank', 'who', 'what', definition.metric, 'behind', 'evaluated', 'since'], rows)}`
}

interface CreateOptions extends CommandOptions {
  label: string
  task: string
  metric: string
  id?: string
  time?: string
  classes?: string
  exclude?: string
  openFeatures?: boolean
  dailyLimit: string
  description: string
}

async function create(name: string, holdout: string, options: CreateOptions): Promise<void> {
  const api = apiOf(options)
  const { label, task, metric, id, time } = options
  const list = (text: string | undefined) => text?.split(',').map((part) => part.trim())
  const source = /^[^/]+@\d+$/.test(holdout)
    ? { dataset: holdout }
    : { upload: (await api.upload<{ upload: string }>('/uploads', absolute(holdout))).upload }
  const definition = {
    label,
    task,
    metric,
    id,
    time,
    classes: list(options.classes),
    exclude: list(options.exclude),
    featuresOpen: options.openFeatures === true,
  }
  const made = await api.post<Benchmark>('/benchmarks', {
    name,
    source,
    definition,
    description: options.description,
    dailyLimit: Number(options.dailyLimit),
  })
  print(options, made, () => `${name} is being prepared: tidemill benchmarks ${name} says when it is open.`)
}

async function submit(
  name: string,
  what: string,
  options: CommandOptions & { label?: string; team?: string },
): Promise<void> {
  const api = apiOf(options)
  const team = options.team === undefined ? {} : { team: options.team }
  const body = { ...(await submission(api, what, options.label)), ...team }
  const made = await api.post<Submission>(`/benchmarks/${encodeURIComponent(name)}/submissions`, body)
  print(
    options,
    made,
    () => `${made.label} is ${made.state}: tidemill benchmarks ${name} shows what comes of it.`,
  )
}

async function submission(
  api: ReturnType<typeof apiOf>,
  what: string,
  label: string | undefined,
): Promise<object> {
  const format = { '.parquet': 'parquet', '.csv': 'csv' }[extname(what)]
  if (format !== undefined) {
    const { upload } = await api.upload<{ upload: string }>('/uploads', absolute(what))
    return { upload, format, label: label ?? what.split('/').at(-1)! }
  }
  const { model, version } = /^(?<model>.+)\/(?<version>\d+)$/.exec(what)?.groups ?? {}
  if (model === undefined)
    throw new AppError(
      'invalid',
      `${what} is neither a model version, as late/3, nor a .parquet or .csv file`,
    )
  return { model, version: Number(version) }
}
