import { Option, type Command } from 'commander'
import { currentConfig, print, type CommandOptions } from '../http/command.ts'
import { openContext } from '../http/open-context.ts'
import { localOwner } from '../kernel/actor.ts'
import { collectGarbage } from './gc.ts'

export function addServerCommands(program: Command): void {
  program
    .command('gc')
    .description('delete stored bytes that nothing refers to; what becomes unused waits for a day first')
    .addOption(new Option('--dry-run', 'only say what would be done'))
    .addOption(new Option('--json', 'print JSON instead of text'))
    .action(gc)
}

/** Works on the database and the artifacts of this folder, whether Tidemill runs or not. */
async function gc(options: CommandOptions & { dryRun?: boolean }): Promise<void> {
  await using context = await openContext(currentConfig(), 'gc')
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
