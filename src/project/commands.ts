import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { ApiClient } from '../http/api-client.ts'
import { absolute, apiOf, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import type { Applied } from './apply.ts'
import { messageOf } from '../kernel/errors.ts'
import { initProject } from './init.ts'

export function addProjectCommands(program: Command): void {
  withServerOptions(program.command('apply').description('store the project of a folder as a new version'))
    .argument('[folder]', 'folder with tidemill.config.ts', '.')
    .action(async (folder: string, options: CommandOptions) => {
      const applied = await applyFolder(apiOf(options), absolute(folder))
      print(options, applied, () => describeApplied(applied))
    })
  program
    .command('init')
    .description('write a new project that runs')
    .argument('<folder>', 'folder of the new project; it must be empty or not there')
    .action(async (folder: string) => {
      const files = await initProject(absolute(folder))
      process.stdout.write(`${files.map((file) => `  ${join(folder, file)}`).join('\n')}\n`)
      process.stdout.write(
        `Next: cd ${/^[\w./~-]+$/.test(folder) ? folder : `'${folder}'`} && tidemill up, then in another terminal: tidemill run train\n`,
      )
    })
}

/** Loads a folder's project in a child process and hands it to the server. */
export async function applyFolder(api: ApiClient, folder: string): Promise<Applied> {
  return (await applyFiles(api, folder)).applied
}

async function applyFiles(
  api: ApiClient,
  folder: string,
): Promise<{ applied: Applied; files: readonly string[] }> {
  const { loadProject } = await import('./load.ts')
  const { definition, snapshot, dependencies } = await loadProject(folder)
  const applied = await api.post<Applied>('/project-versions', {
    definition,
    snapshot,
    directory: realpathSync(folder),
    ...(dependencies !== undefined && { dependencies }),
  })
  return { applied, files: Object.keys(snapshot.files) }
}

/** Applies the project of a folder, if it has one, now and whenever it changes; what is wrong with it is said and ends nothing. */
export async function keepApplied(api: ApiClient, folder: string, signal: AbortSignal): Promise<void> {
  const apply = async (): Promise<readonly string[]> => {
    const { applied, files } = await applyFiles(api, folder)
    process.stdout.write(`${describeApplied(applied)}\n`)
    return files
  }
  const failed = (error: unknown): void =>
    void process.stderr.write(`The project here was not applied: ${messageOf(error)}\n`)
  const { watchProject } = await import('./watch.ts')
  await watchProject({ folder, apply, failed }, signal)
}

function describeApplied({ version, created, changes }: Applied): string {
  if (!created) return `Version ${version.number} of the project is the newest already; nothing changed.`
  const lines = changes.map(({ what, name, change }) => `  ${change} ${what} ${name}`)
  return [`Applied the project as version ${version.number}.`, ...lines].join('\n')
}
