import { Option, type Command } from 'commander'
import { apiOf, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { describeChecks } from './describe.ts'
import { datasetPath } from './reference.ts'
import type { CheckSeries } from '../reports/schema.ts'

export function addCheckCommands(data: Command): void {
  withServerOptions(data.command('checks'))
    .description('what each check said over time: how many reports it failed in, what it measured last')
    .argument('<dataset>', 'name of a dataset')
    .addOption(new Option('--limit <count>', 'look at so many reports at most').default('60'))
    .action(checks)
}

async function checks(name: string, options: CommandOptions & { limit: string }): Promise<void> {
  const query = new URLSearchParams({ limit: options.limit })
  const { items } = await apiOf(options).get<{ items: CheckSeries[] }>(
    `${datasetPath(name)}/checks?${query.toString()}`,
  )
  print(options, items, () => describeChecks(items))
}
