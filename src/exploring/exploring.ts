import { Option, type Command } from 'commander'
import { apiOf, currentConfig, withServerOptions, type CommandOptions } from '../http/command.ts'
import type { Reach } from './reach.ts'

export interface RowOptions extends CommandOptions {
  dataDir?: string
}

/** Options of commands that read rows. */
export function withRowOptions(command: Command): Command {
  return withServerOptions(command).addOption(
    new Option(
      '--data-dir <folder>',
      'folder of everything that Tidemill keeps; without --server rows are read there',
    ),
  )
}

/** The data folder, or the server that `--server` names. */
export async function reach(options: RowOptions): Promise<Reach> {
  if (options.server !== undefined) {
    const { lazyAnalytics } = await import('../ports/analytics/lazy.ts')
    const { reachServer } = await import('./reach.ts')
    return await reachServer(apiOf(options), lazyAnalytics())
  }
  const { reachFolder } = await import('./reach.ts')
  const { openStored } = await import('../http/open-context.ts')
  const { resolveProject } = await import('../governance/governance.ts')
  const { dataDir, project = 'default' } = options
  const context = await openStored(currentConfig(dataDir === undefined ? {} : { dataDir }))
  try {
    return reachFolder(context, await resolveProject(context, project))
  } catch (error) {
    await context[Symbol.asyncDispose]()
    throw error
  }
}
