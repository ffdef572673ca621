import { Option, type Command } from 'commander'
import { currentConfig, print, type CommandOptions } from '../http/command.ts'
import { localOwner } from '../kernel/actor.ts'

export function addServerCommands(program: Command): void {
  program
    .command('gc')
    .description('delete stored bytes that nothing refers to; what becomes unused waits for a day first')
    .addOption(new Option('--dry-run', 'only say what would be done'))
    .addOption(new Option('--data-dir <folder>', 'folder of everything that Tidemill keeps'))
    .addOption(new Option('--json', 'print JSON instead of text'))
    .action(gc)
}

interface GcOptions extends CommandOptions {
  dryRun?: boolean
  dataDir?: string
}

/** Works on the database and the artifacts themselves, whether Tidemill runs or not. */
async function gc(options: GcOptions): Promise<void> {
  const { openStored } = await import('../http/open-context.ts')
  const { collectGarbage } = await import('./gc.ts')
  const { dataDir } = options
  await using context = await openStored(currentConfig(dataDir === undefined ? {} : { dataDir }))
  const dryRun = options.dryRun === true
  const nowMs = await context.db.wallTime()
  const collected = await collectGarbage(context, { actor: localOwner, nowMs, dryRun })
  const { condemned, deleted, freedBytes } = collected
  const freed = `${(freedBytes / 2 ** 20).toFixed(1)} MiB`
  print(options, collected, () =>
    dryRun
      ? `Would delete ${deleted.length} blobs (${freed}) and condemn ${condemned.length} more.`
      : `Deleted ${deleted.length} blobs (${freed}); ${condemned.length} more are unused and go in a day.`,
  )
}
