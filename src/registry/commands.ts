import type { Command } from 'commander'
import { apiOf, print, table, withServerOptions, type CommandOptions } from '../http/command.ts'

export function addRegistryCommands(program: Command): void {
  withServerOptions(program.command('models').description('registered models, or the versions of one'))
    .argument('[model]', 'name of a model')
    .action(listModels)
}

interface ModelRow {
  name: string
  task?: string
  aliases: { alias: string; version: number }[]
}

interface VersionRow {
  version: number
  aliases: string[]
  task?: string
  createdMs: number
  runId?: string
}

async function listModels(model: string | undefined, options: CommandOptions): Promise<void> {
  const api = apiOf(options)
  if (model === undefined) {
    const { items } = await api.get<{ items: ModelRow[] }>('/models')
    const rows = items.map(({ name, task, aliases }) => [
      name,
      task ?? '',
      aliases.map(({ alias, version }) => `${alias}=${version}`).join(' '),
    ])
    return print(options, items, () => table(['model', 'task', 'aliases'], rows))
  }
  const found = await api.get<{ versions: VersionRow[] }>(`/models/${encodeURIComponent(model)}`)
  const rows = found.versions.map(({ version, aliases, task, createdMs, runId }) => [
    `${model}/${version}`,
    aliases.join(' '),
    task ?? '',
    new Date(createdMs).toISOString().slice(0, 19),
    runId?.slice(0, 8) ?? '',
  ])
  print(options, found, () => table(['version', 'aliases', 'task', 'created', 'run'], rows))
}
