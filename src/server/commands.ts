import { Option, type Command } from 'commander'
import { apiOf, currentConfig, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { localOwner } from '../kernel/actor.ts'
import { lineageKinds } from '../ports/db/lineage.ts'
import type { LineageGraph } from './lineage.ts'

export function addServerCommands(program: Command): void {
  program
    .command('gc')
    .description('delete stored bytes that nothing refers to; what becomes unused waits for a day first')
    .addOption(new Option('--dry-run', 'only say what would be done'))
    .addOption(new Option('--data-dir <folder>', 'folder of everything that Tidemill keeps'))
    .addOption(new Option('--json', 'print JSON instead of text'))
    .action(gc)
  withServerOptions(
    program.command('lineage').description('where something came from, or with --down what came of it'),
  )
    .argument('<what>', 'a model version as late/3, a dataset version as flights@2, or an id with --kind')
    .addOption(new Option('--kind <kind>', 'what the id names').choices(lineageKinds))
    .addOption(new Option('--down', 'what came of it'))
    .addOption(new Option('--depth <steps>', 'steps of the way, at most').default('20'))
    .action(showLineage)
}

interface LineageOptions extends CommandOptions {
  kind?: string
  down?: boolean
  depth: string
}

async function showLineage(what: string, options: LineageOptions): Promise<void> {
  const { lineageTree } = await import('./lineage-tree.ts')
  const direction = options.down ? 'down' : 'up'
  const kind = options.kind ?? (what.includes('@') ? 'dataset_version' : 'model_version')
  const query = new URLSearchParams({ kind, id: what, direction, depth: options.depth })
  const graph = await apiOf(options).get<LineageGraph>(`/lineage?${query.toString()}`)
  print(options, graph, () => lineageTree(graph, direction))
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
